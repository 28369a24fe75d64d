& { [CmdletBinding()] param([object[]] $Words) # in the first line: PowerShell shows the script around an error of any other

# Installs Ollama Tap on Windows, brings it up to date, or removes it: what install.sh does elsewhere.
#
#   irm ADDRESS/install.ps1 | iex                                        for you alone, or where you are administrator for the machine
#   & ([scriptblock]::Create((irm ADDRESS/install.ps1))) -Service -Tray    with parameters: Windows runs it, and shows its icon
#   .\install.ps1 -From .\ollama-tap.zip                                   as a file, from a release that was downloaded before
#
# Every parameter has a variable, since `iex` takes none; a switch is on with any value but 0 and nothing:
#
#   -Prefix DIR      OLLAMA_TAP_PREFIX      where ollama-tap.exe is; default %ProgramFiles%\OllamaTap for the machine, else
#                                           %LOCALAPPDATA%\Programs\OllamaTap
#   -Version V       OLLAMA_TAP_VERSION     this release, such as 0.1.0; default the newest
#   -BaseUrl URL     OLLAMA_TAP_BASE_URL    a place that has the archives and SHA256SUMS; default the project's releases
#   -From FILE       OLLAMA_TAP_FROM        a release's .zip, or an ollama-tap.exe; nothing is downloaded then
#   -Service         OLLAMA_TAP_SERVICE     also runs `ollama-tap service install`; asks for an administrator
#   -Tray            OLLAMA_TAP_TRAY        also shows the icon, now and whenever you log in
#   -StopApp         OLLAMA_TAP_STOP_APP    stops Ollama's desktop app and its start at login, without asking
#   -Uninstall       OLLAMA_TAP_UNINSTALL   removes what was installed, and the service; the history stays
#   -Purge           OLLAMA_TAP_PURGE       the same, and deletes the history, settings and logs as well
#
# -WhatIf says what would be done, and does none of it; -Confirm asks before each step. Whatever fails or is interrupted is taken
# back: what was there before is there again, and runs again if it ran. A removal is taken back until the service is removed; from
# then on it goes on, says what is left, and the same command finishes it. What a killed run left is cleaned by the next run of any
# kind. A download is only used where its SHA-256 is that of the release's SHA256SUMS, and where it runs on this machine. Every step
# is said, and kept in %LOCALAPPDATA%\OllamaTap\install.log.
#
# It is written for Windows PowerShell 5.1 and PowerShell 7, without commands that come from script modules (Get-FileHash,
# Expand-Archive): a Windows PowerShell that a PowerShell 7 started does not find them. It never says `exit`, which would close the
# window of an `iex`, and leaves nothing in that session: all of it is in this block.
#
# A run is a list of steps, each with what takes it back (Invoke-Step). The functions find $setup (what was asked for), $undo (what
# takes it back), $left (what could not be removed) and $log where their caller has them.

# What a company's policy restricts stops here, in words that such a PowerShell can still say.
if ($ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage') {
    $mode = $ExecutionContext.SessionState.LanguageMode
    Write-Error -ErrorAction Stop -Message ("ollama-tap: a policy of this machine restricts PowerShell ($mode), which no parameter of " +
        'this script lifts: unpack the release''s .zip yourself, or run this from where the policy trusts scripts; nothing was changed')
}

function Install-OllamaTap {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param(
        [string] $Prefix = $env:OLLAMA_TAP_PREFIX,
        [string] $Version = $env:OLLAMA_TAP_VERSION,
        [string] $BaseUrl = $env:OLLAMA_TAP_BASE_URL,
        [string] $From = $env:OLLAMA_TAP_FROM,
        [switch] $Service,
        [switch] $Tray,
        [switch] $StopApp,
        [switch] $Uninstall,
        [switch] $Purge,
        [IO.TextWriter] $Said, # given by this script to its own elevated part: what takes what that says
        [string] $Sum, # the same: the SHA-256 that -From must have
        [string] $Ollama, # the same: the ollama.exe of whoever asked, who may be another user
        [string] $Models, # the same: that user's OLLAMA_MODELS
        [string] $UserProfile # the same: that user's folder, which has Ollama's settings and models
    )
    Start-Setup @{
        Prefix = $Prefix
        Version = $Version
        BaseUrl = $BaseUrl
        From = $From
        Service = $Service -or (Test-On $env:OLLAMA_TAP_SERVICE)
        Tray = $Tray -or (Test-On $env:OLLAMA_TAP_TRAY)
        StopApp = $StopApp -or (Test-On $env:OLLAMA_TAP_STOP_APP)
        Uninstall = $Uninstall -or (Test-On $env:OLLAMA_TAP_UNINSTALL)
        Purge = $Purge -or (Test-On $env:OLLAMA_TAP_PURGE)
        Said = $Said
        Sum = $Sum
        Ollama = $Ollama
        Models = $Models
        UserProfile = $UserProfile
        Asker = $PSCmdlet
    }
}

function Start-Setup([hashtable] $Given) {
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    $PSNativeCommandUseErrorActionPreference = $false
    $ConfirmPreference = 'None' # -Confirm asks for each step, by Confirm-Step, and not for what a step is made of
    Set-StrictMode -Off

    Assert-Windows
    $setup = Read-Setup $Given
    $log = Open-Log
    $undo = New-Object System.Collections.Stack
    $left = New-Object System.Collections.ArrayList
    $done = $false
    try {
        Clear-Work
        if ($setup.Uninstall) { Remove-Everything } else { Install-Everything }
        $done = $true
    } catch {
        if (-not $setup.Said) { Write-LogLine "failed: $_" }
        throw
    } finally {
        if (-not $done) { Undo-Everything } # Ctrl-C comes here, and to no catch
        Remove-Own $setup.Work
    }
    if ($left.Count -gt 0) { throw "ollama-tap: not everything is removed, run the same command again: $($left -join '; ')" }
}

function Assert-Windows {
    if ($env:OS -ne 'Windows_NT') { throw 'ollama-tap: this is for Windows; elsewhere it is install.sh' }
    if ($PSVersionTable.PSVersion.Major -lt 5) { throw 'ollama-tap: this needs PowerShell 5.1 or newer' }
    $null = Get-Target (Get-Processor)
}

# What was given, checked and with its defaults.
function Read-Setup([hashtable] $Given) {
    $setup = $Given.Clone()
    $setup.Version = $Given.Version -replace '^v', ''
    $setup.BaseUrl = $Given.BaseUrl.TrimEnd('/')
    $setup.Uninstall = $Given.Uninstall -or $Given.Purge
    Assert-Options $setup
    if ($setup.From) { $setup.From = Resolve-FullPath $setup.From }
    $setup.State = Join-Path $env:LOCALAPPDATA 'OllamaTap'
    $setup.Work = Join-Path $setup.State (Get-NewName 'setup')
    $setup.Machine = Test-ForMachine $setup
    if ($setup.Prefix) {
        $setup.Prefix = Resolve-FullPath $setup.Prefix
    } else {
        $setup.Prefix = Get-DefaultPrefix $setup.Machine
    }
    $setup.Exe = Join-Path $setup.Prefix 'ollama-tap.exe'
    $setup
}

# Whether it is for all users, which only an administrator may do: also where that is what is installed, or what a removal left.
function Test-ForMachine([hashtable] $Options) {
    if ($Options.Service -or $Options.Said -or (Test-Administrator)) { return $true }
    if ($Options.Prefix) { return $false }
    if (Test-Installed $false $Options.Uninstall) { return $false }
    if (Test-Installed $true $Options.Uninstall) { return $true }
    if (Get-TapService) { return $Options.Uninstall -or (Test-OurService (Join-Path (Get-DefaultPrefix $true) 'ollama-tap.exe')) }
    if ($Options.Uninstall -and (Test-EventSource)) { return $true }
    $Options.Purge -and (Test-Path -LiteralPath (Get-MachineState))
}

# Whether its executable is there, or anything of it.
function Test-Installed([bool] $Machine, [bool] $InPart) {
    $prefix = Get-DefaultPrefix $Machine
    if (-not $InPart) { return Test-Path -LiteralPath (Join-Path $prefix 'ollama-tap.exe') }
    if (Test-Path -LiteralPath $prefix) { return $true }
    $setup = @{ Machine = $Machine } # Open-PathKey reads it
    $path = Get-RegisteredPath
    (Remove-PathEntry $path $prefix) -ne $path
}

function Get-DefaultPrefix([bool] $Machine) {
    if (-not $Machine) { return Join-Path $env:LOCALAPPDATA 'Programs\OllamaTap' }
    $files = $env:ProgramW6432 # a PowerShell of 32 bits has another ProgramFiles
    if (-not $files) { $files = $env:ProgramFiles }
    Join-Path $files 'OllamaTap'
}

# What the service keeps.
function Get-MachineState { Join-Path $env:ProgramData 'OllamaTap' }

function Resolve-FullPath([string] $Path) {
    $full = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
    if ($full.Length -gt 3) { $full = $full.TrimEnd('\') } # C:\ keeps its own
    $full
}

function Get-Processor {
    if ($env:PROCESSOR_ARCHITEW6432) { return $env:PROCESSOR_ARCHITEW6432 }
    $env:PROCESSOR_ARCHITECTURE
}

function Test-Administrator {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object Security.Principal.WindowsPrincipal $identity
    $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

# INSTALL

# What is this user's own is done here; what is the machine's, by an elevated run of this script. What can fail comes before that run,
# whose steps are not taken back from here.
function Install-Everything {
    if ($setup.Said) { return Install-Program }
    $release = Get-Release
    if ($setup.Service -or $setup.StopApp) { Suspend-OllamaApp }
    $listed = Confirm-Step 'listing it in Settings > Apps'
    $shown = $setup.Tray -and (Register-Tray)
    if (Test-NeedsElevation) { Invoke-Elevated $release } else { Install-Program $release }
    $undo.Clear()
    if ($listed) { Register-App }
    Show-Tray $shown
    if (-not (Find-Ollama)) {
        Write-Step 'Ollama itself is not installed: get it from https://ollama.com/download'
        Write-Step "'ollama-tap proxy --upstream URL' taps one elsewhere"
    }
}

function Test-NeedsElevation { $setup.Machine -and -not $WhatIfPreference -and -not (Test-Administrator) }

function Install-Program([hashtable] $Release) {
    if (Test-NeedsElevation) { throw 'ollama-tap: this part needs an administrator, and is run by none; nothing was changed' }
    if (-not $Release) { $Release = @{ File = $setup.From; Sum = $setup.Sum } }
    $ran = Resume-KilledRun
    $stage = Join-Path $setup.Prefix (Get-NewName 'new') # where only those may write who may write the executable
    try {
        New-Directory $setup.Prefix
        New-OwnDirectory $stage
        Copy-Release $Release $stage
        $new = Get-NewVersion $stage
        $old = Get-OldVersion
        $ran = (Stop-TapService $stage) -or $ran
        Install-Executable $stage
        Install-Path
        Start-TapService $ran
    } finally {
        Remove-Own $stage
    }
    Remove-Leftovers
    if (-not $WhatIfPreference) { Write-Installed $new $old }
}

# Makes a directory and those above it; taking it back removes the ones that were not there.
function New-Directory([string] $Path) {
    if (-not $Path -or (Test-Path -LiteralPath $Path -PathType Container)) { return }
    New-Directory (Split-Path -Parent $Path)
    Invoke-Step "making the directory $Path" @($Path) {
        param($path)
        $null = New-Item -ItemType Directory -Path $path
    } {
        param($path)
        Remove-EmptyDirectory $path
    }
}

# Puts ollama-tap.exe into the stage. What lay where this user's programs may write is looked at again, where they may not.
function Copy-Release([hashtable] $Release, [string] $Stage) {
    if ($WhatIfPreference) { return }
    $exe = Join-Path $Stage 'ollama-tap.exe'
    Copy-Item -LiteralPath $Release.File -Destination $exe
    $found = Get-Sum ([IO.File]::ReadAllBytes($exe))
    if ($found -ne $Release.Sum) { throw "ollama-tap: $($Release.File) was changed by another program meanwhile; nothing was changed" }
    Unblock-File -LiteralPath $exe # else Windows asks about what a browser downloaded
}

function Get-NewVersion([string] $Stage) {
    if ($WhatIfPreference) { return '' }
    try {
        Get-ProgramVersion (Join-Path $Stage 'ollama-tap.exe')
    } catch {
        throw "ollama-tap: the new ollama-tap does not run on this machine: $_; nothing was changed"
    }
}

function Get-OldVersion {
    try { Get-ProgramVersion $setup.Exe } catch { '' }
}

# What `--version` says, or why it says nothing: a virus scanner and a policy have their own words.
function Get-ProgramVersion([string] $Path) {
    if (-not (Test-Path -LiteralPath $Path)) { throw "there is no $Path" }
    $found = Invoke-Program $Path @('--version')
    if ($found.Code -ne 0) { throw "exit code $($found.Code) $($found.Lines -join ' ')" }
    "$($found.Lines)"
}

# Whether it ran. That is kept in the stage too, for the run that follows one that was killed.
function Stop-TapService([string] $Stage) {
    $found = Get-TapService
    if (-not $setup.Machine -or -not $found) { return $false }
    Assert-OurService
    if (-not (Test-Path -LiteralPath $setup.Exe)) {
        Write-Step "the service's executable is gone: putting it back"
        return $true
    }
    if ($found.Status -eq 'Stopped') { return $false }
    Invoke-Step 'stopping the service' @(Join-Path $Stage 'service-ran') {
        param($note)
        $null = New-Item -ItemType File -Path $note
        Invoke-Tap @('service', 'stop') 'the service does not stop'
    } {
        Invoke-Tap @('service', 'start') 'the service does not start again'
    }
    $true
}

function Get-TapService { Get-Service -Name OllamaTap -ErrorAction SilentlyContinue }

# Only the executable that the service runs is asked to do something with it. Where it is gone, the service's own registration says
# whether it was the one of this prefix.
function Assert-OurService {
    if (Test-Path -LiteralPath $setup.Exe) { return }
    if (Test-OurService $setup.Exe) { return }
    $registered = Get-ServiceProgram
    throw "ollama-tap: the service runs ${registered}: give -Prefix `"$(Split-Path -Parent $registered)`"; nothing was changed"
}

function Test-OurService([string] $Exe) {
    $registered = Get-ServiceProgram
    -not $registered -or (Test-SameDirectory $registered $Exe)
}

# The path of the executable that the service runs; nothing where that cannot be read.
function Get-ServiceProgram {
    $line = ''
    try {
        $key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SYSTEM\CurrentControlSet\Services\OllamaTap')
        $line = "$($key.GetValue('ImagePath'))"
    } catch {
        Write-LogLine "the service's registration cannot be read: $_"
    }
    if ($line -match '^"([^"]+)"|^(\S+)') { "$($Matches[1])$($Matches[2])" }
}

# A running executable cannot be overwritten, but renamed; to a name that nothing else ever has.
function Install-Executable([string] $Stage) {
    $exe = $setup.Exe
    $new = Join-Path $Stage 'ollama-tap.exe'
    if (Test-Path -LiteralPath $exe) {
        Invoke-Step "replacing $exe" @($exe, $new, "$exe.$(Get-NewName 'old')") {
            param($exe, $new, $old)
            Move-Item -LiteralPath $exe -Destination $old
            Move-Item -LiteralPath $new -Destination $exe
        } {
            param($exe, $new, $old)
            Restore-Executable $exe $old
        }
    } else {
        Invoke-Step "writing $exe" @($exe, $new) {
            param($exe, $new)
            Move-Item -LiteralPath $new -Destination $exe
        } {
            param($exe)
            Remove-Executable $exe
        }
    }
}

# Nothing is to be put back where the old one was not moved away yet.
function Restore-Executable([string] $Exe, [string] $Old) {
    if (-not (Test-Path -LiteralPath $Old)) { return }
    Remove-Executable $Exe
    Move-Item -LiteralPath $Old -Destination $Exe
}

# One that runs can only be moved out of the way.
function Remove-Executable([string] $Exe) {
    if (-not (Test-Path -LiteralPath $Exe)) { return }
    $gone = "$Exe.$(Get-NewName 'gone')"
    Move-Item -LiteralPath $Exe -Destination $gone
    Remove-Own $gone
    if (Test-Path -LiteralPath $gone) { Write-Step "it still runs: delete $gone when it has ended" }
}

# The service is installed where that was asked for, and runs again where it ran.
function Start-TapService([bool] $Ran) {
    if ($setup.Service) {
        $known = [bool] (Get-TapService)
        Invoke-Step 'installing the service' @($known) {
            Install-TapService
        } {
            param($known)
            if ($known) { Suspend-TapService } else { Invoke-Tap @('service', 'uninstall') 'the service cannot be removed' }
        }
        return
    }
    Update-TapService
    if ($Ran) {
        Invoke-Step 'starting the service' @() {
            Invoke-Tap @('service', 'start') 'the new ollama-tap does not start'
        } {
            Suspend-TapService
        }
    } elseif (-not $WhatIfPreference) {
        $null = Get-ProgramVersion $setup.Exe
    }
}

# For whoever asked, who may be another user than the administrator that does it.
function Install-TapService {
    $words = @('service', 'install')
    if ($setup.Ollama) { $words += @('--ollama', $setup.Ollama) }
    $before = $env:USERPROFILE, $env:OLLAMA_MODELS
    if ($setup.Said) { $env:USERPROFILE, $env:OLLAMA_MODELS = $setup.UserProfile, $setup.Models }
    try {
        Invoke-Tap $words 'the service cannot be installed'
    } finally {
        $env:USERPROFILE, $env:OLLAMA_MODELS = $before
    }
}

# Has the new executable write the registration anew from the settings alone, where it can. A service that was stopped stays so.
function Update-TapService {
    if ($WhatIfPreference -or -not $setup.Machine -or -not (Get-TapService) -or -not (Test-OurService $setup.Exe)) { return }
    $help = Invoke-Program $setup.Exe @('service', 'install', '--help')
    if ("$($help.Lines)" -notlike '*--keep*') { return }
    Invoke-Step "bringing the service's registration up to date" @() {
        Invoke-Tap @('service', 'install', '--keep') 'the service cannot be brought up to date'
    }
}

# Before the executable that it runs is taken back.
function Suspend-TapService {
    $found = Get-TapService
    if ($found -and $found.Status -ne 'Stopped') { Invoke-Tap @('service', 'stop') 'the service does not stop' }
}

# Runs the installed executable; what it says is said.
function Invoke-Tap([string[]] $Words, [string] $Failure) {
    $found = Invoke-Program $setup.Exe $Words
    foreach ($line in $found.Lines) { Write-Step ($line -replace '^ollama-tap: ', '') }
    if ($found.Code -ne 0) { throw "ollama-tap: $Failure" }
}

# Runs a program: its exit Code, and the Lines that it says. Ours speaks UTF-8, and a console may not.
function Invoke-Program([string] $Path, [string[]] $Words) {
    $ErrorActionPreference = 'Continue' # in 5.1, what a program says on stderr would be an error of ours
    $encoding = Set-OutputEncoding (New-Object Text.UTF8Encoding $false)
    try {
        $global:LASTEXITCODE = 1 # for where it does not even start
        $lines = @(& $Path $Words 2>&1 | ForEach-Object { "$_" })
        @{ Code = $LASTEXITCODE; Lines = $lines }
    } finally {
        $null = Set-OutputEncoding $encoding
    }
}

# Gives the one from before; nothing where there is no console.
function Set-OutputEncoding([Text.Encoding] $Encoding) {
    try {
        [Console]::OutputEncoding
        if ($Encoding) { [Console]::OutputEncoding = $Encoding }
    } catch {
        Write-LogLine "the console keeps its encoding: $_"
    }
}

function Write-Installed([string] $New, [string] $Old) {
    if (-not $Old) {
        Write-Step "installed $New in $($setup.Prefix); terminals opened from now on find it"
    } elseif ($Old -eq $New) {
        Write-Step "$New is installed, as it was before"
    } else {
        Write-Step "installed $New in place of $Old; what you started yourself goes on as it was until you start it again"
    }
}

# The path of this user's ollama, or of all users'; nothing without.
function Find-Ollama {
    $known = @(Get-Command -Name ollama -CommandType Application -ErrorAction SilentlyContinue)
    if ($known) { return $known[0].Path }
    "$env:LOCALAPPDATA\Programs\Ollama\ollama.exe", "$env:ProgramFiles\Ollama\ollama.exe" |
        Where-Object { Test-Path -LiteralPath $_ } | Select-Object -First 1
}

# WHAT A KILLED RUN LEFT

# A name for what this run makes, which no other run ever gives.
function Get-NewName([string] $Kind) { "$Kind-$PID-$([guid]::NewGuid().ToString('N').Substring(0, 8))" }

# Whether the run that gave this name has ended.
function Test-Ended([string] $Name) {
    if ($Name -notmatch '-(\d+)(-[0-9a-f]+)?$' -or $Matches[1] -eq $PID) { return $true }
    -not (Get-Process -Id $Matches[1] -ErrorAction SilentlyContinue | Where-Object { $_.ProcessName -match '^(pwsh|powershell)' })
}

# Puts back an executable that a killed run had moved away, and says whether it had stopped a service that ran.
function Resume-KilledRun {
    if ($WhatIfPreference) { return $false }
    $stages = @(Get-Leftover 'new-*')
    $old = Get-Leftover 'ollama-tap.exe.old-*' | Sort-Object -Property LastWriteTime | Select-Object -Last 1
    if ($stages -or ($old -and -not (Test-Path -LiteralPath $setup.Exe))) { Write-Step 'an earlier run was ended in the middle' }
    if ($old -and -not (Test-Path -LiteralPath $setup.Exe)) { Move-Item -LiteralPath $old.FullName -Destination $setup.Exe }
    $ran = $false
    foreach ($stage in $stages) {
        if (Test-Path -LiteralPath (Join-Path $stage.FullName 'service-ran')) { $ran = $true }
    }
    $ran
}

# What this run or an earlier one could not delete since it ran, and what a killed one left.
function Remove-Leftovers {
    if ($WhatIfPreference) { return }
    foreach ($filter in 'new-*', 'ollama-tap.exe.old-*', 'ollama-tap.exe.gone-*') {
        foreach ($found in @(Get-Leftover $filter)) { Remove-Own $found.FullName }
    }
}

# What this script made for itself; where that cannot go now, the next run removes it.
function Remove-Own([string] $Path) {
    if ($WhatIfPreference -or -not (Test-Path -LiteralPath $Path)) { return }
    try {
        Remove-Item -LiteralPath $Path -Recurse -Force
    } catch {
        Write-LogLine "$Path stays for now: $_"
    }
}

function Get-Leftover([string] $Filter) {
    Get-ChildItem -LiteralPath $setup.Prefix -Filter $Filter -ErrorAction SilentlyContinue | Where-Object { Test-Ended $_.Name }
}

# For what this run puts on the disk for itself alone.
function New-OwnDirectory([string] $Path) {
    if (-not $WhatIfPreference -and -not (Test-Path -LiteralPath $Path)) { $null = New-Item -ItemType Directory -Path $Path -Force }
}

function Clear-Work {
    if ($setup.Said) { return }
    $all = @(Get-ChildItem -LiteralPath $setup.State -Filter 'setup-*' -ErrorAction SilentlyContinue | Where-Object { Test-Ended $_.Name })
    foreach ($found in $all) { Remove-Own $found.FullName }
}

# WHAT TO INSTALL

# The executable to install, its File and its Sum: all that can be wrong with it but its running is found here, before the first change.
function Get-Release {
    $file = $setup.From
    if (-not $file) { return Save-Download }
    if (-not (Test-Path -LiteralPath $file -PathType Leaf)) { throw "ollama-tap: there is no file $file; nothing was changed" }
    if (-not (Confirm-Step "taking $file")) { return }
    $bytes = [IO.File]::ReadAllBytes($file)
    if ($file -like '*.zip') { return Expand-Release $bytes $file }
    New-OwnDirectory $setup.Work # an elevated process has no drives of this user's
    $copy = Join-Path $setup.Work 'ollama-tap.exe'
    Copy-Item -LiteralPath $file -Destination $copy
    @{ File = $copy; Sum = Get-Sum $bytes }
}

function Save-Download {
    $base = Get-ReleaseAddress $setup.BaseUrl $setup.Version
    $targets = @(Get-Target (Get-Processor))
    if (-not (Confirm-Step "looking for a release for $($targets[0]) at $base")) { return }
    $sums = [Text.Encoding]::UTF8.GetString((Get-Download "$base/SHA256SUMS"))
    $listed = Select-Archive $sums (Select-Target $sums $targets $setup.Version) $setup.Version
    Write-Step "downloading $base/$($listed.Name)"
    $bytes = Get-Download "$base/$($listed.Name)"
    $found = Get-Sum $bytes
    if ($found -ne $listed.Sum) {
        $is = "it is $found and should be $($listed.Sum)"
        throw "ollama-tap: $($listed.Name) is not what SHA256SUMS says: $is; nothing was changed, try again"
    }
    Write-Step 'its SHA-256 is right'
    Expand-Release $bytes $listed.Name
}

# Unpacks the executable of a release.
function Expand-Release([byte[]] $Bytes, [string] $Name) {
    New-OwnDirectory $setup.Work
    $exe = Join-Path $setup.Work 'ollama-tap.exe'
    Add-Type -AssemblyName System.IO.Compression, System.IO.Compression.FileSystem
    try {
        $archive = New-Object IO.Compression.ZipArchive (New-Object IO.MemoryStream (, $Bytes))
        $found = @($archive.Entries | Where-Object { $_.Name -eq 'ollama-tap.exe' })
        if ($found.Count -eq 1) { [IO.Compression.ZipFileExtensions]::ExtractToFile($found[0], $exe) }
    } catch {
        throw "ollama-tap: $Name is no zip archive: $(Get-Reason $_); nothing was changed"
    }
    if ($found.Count -ne 1) { throw "ollama-tap: $Name holds no release; nothing was changed" }
    @{ File = $exe; Sum = Get-Sum ([IO.File]::ReadAllBytes($exe)) }
}

function Get-Sum([byte[]] $Bytes) {
    $hash = [Security.Cryptography.SHA256]::Create()
    try { [BitConverter]::ToString($hash.ComputeHash($Bytes)) -replace '-', '' } finally { $hash.Dispose() }
}

# DOWNLOADS

function Get-Download([string] $Address) {
    $protocols = [Net.ServicePointManager]::SecurityProtocol
    $proxy = $null
    try {
        [Net.ServicePointManager]::SecurityProtocol = $protocols -bor [Net.SecurityProtocolType]::Tls12
        $proxy = Get-Proxy $Address
        $request = New-Request $Address $proxy
        $response = $request.GetResponse()
        try { return , (Read-Response $response $Address) } finally { $response.Dispose() }
    } catch {
        throw "ollama-tap: cannot download ${Address}: $(Get-DownloadFailure $_ $proxy); nothing was changed"
    } finally {
        [Net.ServicePointManager]::SecurityProtocol = $protocols
    }
}

function New-Request([uri] $Address, [Net.WebProxy] $Proxy) {
    $request = [Net.WebRequest]::Create($Address)
    $request.UserAgent = 'ollama-tap install.ps1'
    $request.Timeout = 60000 # milliseconds
    $request.Proxy = $Proxy
    if ($Address.UserInfo) { $request.Credentials = Get-Login $Address }
    $request
}

# In pieces that Ctrl-C can come between, with a word now and then.
function Read-Response([Net.WebResponse] $Response, [string] $Address) {
    if (-not (Test-Address $Response.ResponseUri.AbsoluteUri)) { throw "$Address leads to $($Response.ResponseUri), which is not https" }
    $all = [Math]::Max(1, $Response.ContentLength)
    $stream = $Response.GetResponseStream()
    $taken = New-Object IO.MemoryStream
    $piece = New-Object byte[] 65536
    $clock = [Diagnostics.Stopwatch]::StartNew()
    while (($count = Read-Piece $stream $piece) -gt 0) {
        $taken.Write($piece, 0, $count)
        if ($clock.Elapsed.TotalSeconds -lt 3) { continue }
        Write-Host ('ollama-tap: {0:0.0} MB, {1:0} %' -f ($taken.Length / 1MB), [Math]::Min(100, 100 * $taken.Length / $all))
        $clock.Restart()
    }
    if ($all -gt 1 -and $taken.Length -lt $all) { throw "it ended after $($taken.Length) of $all bytes" }
    return , $taken.ToArray()
}

function Read-Piece([IO.Stream] $Stream, [byte[]] $Piece) {
    $reading = $Stream.ReadAsync($Piece, 0, $Piece.Length)
    $clock = [Diagnostics.Stopwatch]::StartNew()
    while (-not $reading.Wait(200)) { # milliseconds
        if ($clock.Elapsed.TotalSeconds -gt 60) { throw 'nothing has come for 60 s' }
    }
    $reading.Result
}

# One line: the status where a server answered, whose page says nothing to people here.
function Get-DownloadFailure([Management.Automation.ErrorRecord] $Failure, [Net.WebProxy] $Proxy) {
    $reason = Get-Reason $Failure
    $cause = $Failure.Exception
    while ($cause -and -not ($cause -is [Net.WebException])) { $cause = $cause.InnerException }
    if ($cause -and $cause.Response) { $reason = '{0} {1}' -f [int] $cause.Response.StatusCode, $cause.Response.StatusDescription }
    if (-not $Proxy) { return $reason }
    $reason = "$reason (through the proxy $($Proxy.Address))"
    if ($reason -notmatch '\b407\b') { return $reason }
    "$reason; the proxy asks for a login and does not take yours of Windows: set the variable HTTPS_PROXY to http://NAME:PASSWORD@HOST:PORT"
}

# The innermost cause, in one line.
function Get-Reason([Management.Automation.ErrorRecord] $Failure) {
    ("$($Failure.Exception.GetBaseException().Message)" -split '\r?\n')[0].TrimEnd('.')
}

# The proxy that leads there, from the variables that the tap itself reads, else from Windows' settings; nothing where none does.
function Get-Proxy([uri] $Address) {
    if ($Address.IsLoopback) { return }
    $own = 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy' | ForEach-Object { [Environment]::GetEnvironmentVariable($_) } |
        Where-Object { $_ } | Select-Object -First 1
    if ($own) {
        if (Test-NoProxy $Address.Host "$env:NO_PROXY,$env:no_proxy") { return }
        if ($own -notlike '*://*') { $own = "http://$own" }
        return New-Proxy $own
    }
    $system = [Net.WebRequest]::GetSystemWebProxy()
    if (-not $system.IsBypassed($Address)) { New-Proxy $system.GetProxy($Address) }
}

function New-Proxy([uri] $Address) {
    $proxy = New-Object Net.WebProxy $Address
    $proxy.Credentials = Get-Login $Address
    $proxy
}

# The login that an address holds, else that of Windows.
function Get-Login([uri] $Address) {
    if (-not $Address.UserInfo) { return [Net.CredentialCache]::DefaultNetworkCredentials }
    $name, $password = $Address.UserInfo.Split(':', 2) | ForEach-Object { [uri]::UnescapeDataString($_) }
    New-Object Net.NetworkCredential $name, $password
}

# Whether a list such as `localhost,.example.com,*` names this host or a domain above it.
function Test-NoProxy([string] $HostName, [string] $List) {
    foreach ($entry in $List.Split(',')) {
        $name = $entry.Trim().TrimStart('*').TrimStart('.')
        if ($entry.Trim() -eq '*' -or ($name -and ($HostName -eq $name -or $HostName.EndsWith(".$name")))) { return $true }
    }
    $false
}

function Get-ReleaseAddress([string] $Base, [string] $Wanted) {
    $releases = 'https://github.com/ollama-tap/ollama-tap/releases'
    if ($Base) { return $Base }
    if ($Wanted) { return "$releases/download/v$Wanted" }
    "$releases/latest/download"
}

# The targets whose executables run here, the best first: Windows on ARM emulates the other. Windows of 32 bits has none.
function Get-Target([string] $Processor) {
    if ($Processor -eq 'AMD64') { return 'x86_64-pc-windows-msvc' }
    if ($Processor -eq 'ARM64') { return 'aarch64-pc-windows-msvc', 'x86_64-pc-windows-msvc' }
    throw "ollama-tap: there is no release for Windows on $Processor"
}

# The best target that SHA256SUMS lists, in this version if one is wanted.
function Select-Target([string] $Sums, [string[]] $Targets, [string] $Wanted) {
    $version = if ($Wanted) { [regex]::Escape($Wanted) } else { '[0-9A-Za-z.+-]+' }
    $listed = @($Targets | Where-Object { $Sums -match "ollama-tap-$version-$_\.zip" }) + $Targets[0]
    if ($listed[0] -ne $Targets[0]) { Write-Step "there is none for $($Targets[0]): taking that for $($listed[0]), which Windows emulates" }
    $listed[0]
}

# The one archive for this machine that SHA256SUMS lists: its Name and Sum.
function Select-Archive([string] $Sums, [string] $Target, [string] $Wanted) {
    $line = "(?m)^([0-9a-f]{64}) [ *](ollama-tap-([0-9A-Za-z.+-]+)-$Target\.zip)\r?$"
    $found = @([regex]::Matches($Sums, $line) | Where-Object { -not $Wanted -or $_.Groups[3].Value -eq $Wanted })
    if ($found.Count -eq 0) { throw "ollama-tap: SHA256SUMS lists no release $Wanted for $Target; nothing was changed" }
    if ($found.Count -gt 1) { throw "ollama-tap: SHA256SUMS lists more than one release for ${Target}; choose one with -Version" }
    @{ Name = $found[0].Groups[2].Value; Sum = $found[0].Groups[1].Value }
}

# THE PATH

function Install-Path {
    $old = Get-RegisteredPath
    $new = Add-PathEntry $old $setup.Prefix
    if ($new -eq $old) { return }
    Invoke-Step "adding $($setup.Prefix) to the PATH" @((Test-RegisteredPath), $env:Path, $new) {
        param($there, $session, $new)
        Set-RegisteredPath $new
        $env:Path = Add-PathEntry $session $setup.Prefix
    } {
        param($there, $session)
        $env:Path = $session
        $kept = Remove-PathEntry (Get-RegisteredPath) $setup.Prefix
        if ($there -or $kept) { Set-RegisteredPath $kept } else { Clear-RegisteredPath }
    }
}

function Uninstall-Path {
    $old = Get-RegisteredPath
    $new = Remove-PathEntry $old $setup.Prefix
    if ($new -eq $old) { return }
    Remove-Part "removing $($setup.Prefix) from the PATH" @($new) {
        param($new)
        $env:Path = Remove-PathEntry $env:Path $setup.Prefix
        Set-RegisteredPath $new
    }
}

# A PATH that ends in a semicolon goes on doing so.
function Add-PathEntry([string] $Path, [string] $Directory) {
    if (-not $Path) { return $Directory }
    foreach ($entry in $Path.Split(';')) {
        if (Test-SameDirectory $entry $Directory) { return $Path }
    }
    if ($Path.EndsWith(';')) { return "$Path$Directory;" }
    "$Path;$Directory"
}

function Remove-PathEntry([string] $Path, [string] $Directory) {
    $kept = @($Path.Split(';') | Where-Object { -not (Test-SameDirectory $_ $Directory) })
    $kept -join ';'
}

function Test-SameDirectory([string] $Entry, [string] $Directory) {
    [Environment]::ExpandEnvironmentVariables($Entry).Trim('"').TrimEnd('\') -eq $Directory.TrimEnd('\')
}

# As it is written there, with the names of variables in it.
function Get-RegisteredPath {
    $key = Open-PathKey $false
    try {
        $key.GetValue('Path', '', [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames)
    } finally {
        $key.Dispose()
    }
}

function Test-RegisteredPath {
    $key = Open-PathKey $false
    try { $key.GetValueNames() -contains 'Path' } finally { $key.Dispose() }
}

# In the kind in which it was there, and made known to what runs already.
function Set-RegisteredPath([string] $Path) {
    $key = Open-PathKey $true
    try {
        $kind = [Microsoft.Win32.RegistryValueKind]::ExpandString
        if ($key.GetValueNames() -contains 'Path') { $kind = $key.GetValueKind('Path') }
        $key.SetValue('Path', $Path, $kind)
    } finally {
        $key.Dispose()
    }
    Publish-Path
}

function Clear-RegisteredPath {
    $key = Open-PathKey $true
    try { $key.DeleteValue('Path', $false) } finally { $key.Dispose() }
    Publish-Path
}

# Setting any variable of the user's has Windows tell every window that the environment changed.
function Publish-Path {
    [Environment]::SetEnvironmentVariable('OLLAMA_TAP_PATH_CHANGED', '1', 'User')
    [Environment]::SetEnvironmentVariable('OLLAMA_TAP_PATH_CHANGED', [NullString]::Value, 'User')
}

function Open-PathKey([bool] $Writable) {
    if ($setup.Machine) {
        [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SYSTEM\CurrentControlSet\Control\Session Manager\Environment', $Writable)
    } else {
        [Microsoft.Win32.Registry]::CurrentUser.OpenSubKey('Environment', $Writable)
    }
}

# THE ICON

# Whether it is to be shown.
function Register-Tray {
    $old = Get-TrayStart
    $new = Format-TrayStart
    if ($new -ne $old) {
        Invoke-Step 'having the icon start whenever you log in' @($old, $new) {
            param($old, $new)
            Set-TrayStart $new
        } {
            param($old)
            Set-TrayStart $old
        }
    }
    Confirm-Step 'showing the icon'
}

# A program of a terminal, whose window would flash at every login but for Windows' own host of such.
function Format-TrayStart {
    $console = "$env:SystemRoot\System32\conhost.exe"
    $start = '"{0}" tray' -f $setup.Exe
    if (Test-Path -LiteralPath $console) { return "$console --headless $start" }
    $start
}

# Where it was asked for. One that is shown already is from now on shown by the new executable.
function Show-Tray([bool] $Wanted) {
    if ($WhatIfPreference) { return }
    $shown = Test-Tray
    if ($shown) { Stop-Tray }
    if ($shown -or $Wanted) { Start-Tray }
}

# Whether whoever is logged in here sees it: it holds a name of Windows while it is shown.
function Test-Tray {
    $held = $null
    try {
        $found = [Threading.Mutex]::TryOpenExisting('Local\OllamaTapTray', [ref] $held)
    } catch {
        $found = $false
        Write-LogLine "whether the icon is shown is not known: $_"
    }
    if ($held) { $held.Dispose() }
    $found
}

# The executable closes it itself; one of 0.1.0 cannot yet, and is found by Windows' list of processes where that works.
function Stop-Tray {
    try {
        if ((Invoke-Program $setup.Exe @('tray', '--stop')).Code -eq 0) { return }
        $session = (Get-Process -Id $PID).SessionId
        Get-CimInstance -ClassName Win32_Process -Filter "Name = 'ollama-tap.exe'" |
            Where-Object { $_.SessionId -eq $session -and $_.CommandLine -match '\stray\s*$' } |
            ForEach-Object { Stop-Process -Id $_.ProcessId -Force }
    } catch {
        Write-Step "the icon cannot be closed, quit it by its menu: $_"
    }
}

function Start-Tray {
    if (Test-Administrator) { return Write-Step "the icon shows at the next login, or by 'ollama-tap tray' in a window that is no administrator's" }
    try {
        Start-Process -FilePath $setup.Exe -ArgumentList tray -WindowStyle Hidden
    } catch {
        Write-Step "the icon cannot be shown: $_"
    }
}

function Remove-Tray {
    if (Test-Tray) {
        Invoke-Step 'closing the icon' @() { Stop-Tray } { Start-Tray }
    }
    $old = Get-TrayStart
    if (-not $old) { return }
    Invoke-Step "removing the icon's start at login" @($old) {
        Set-TrayStart ''
    } {
        param($old)
        Set-TrayStart $old
    }
}

# What starts it at login: a command in the registry, or nothing.
function Get-TrayStart {
    $key = Open-RunKey
    try { "$($key.GetValue('OllamaTap'))" } finally { $key.Dispose() }
}

function Set-TrayStart([string] $Command) {
    $key = Open-RunKey
    try {
        if ($Command) { $key.SetValue('OllamaTap', $Command) } else { $key.DeleteValue('OllamaTap', $false) }
    } finally {
        $key.Dispose()
    }
}

function Open-RunKey { [Microsoft.Win32.Registry]::CurrentUser.CreateSubKey('Software\Microsoft\Windows\CurrentVersion\Run') }

# SETTINGS > APPS

# Its entry runs a copy of this script. An installation is whole without it, so that nothing here has it fail.
function Register-App {
    $script = Get-ScriptCopy
    try {
        Set-Content -LiteralPath $script -Value (Get-ScriptText) -Encoding UTF8
        $values = Format-AppEntry $script (Get-OldVersion)
        $apps = Open-AppsKey
        $key = $apps.CreateSubKey('OllamaTap')
        foreach ($name in $values.Keys) { $key.SetValue($name, $values[$name]) }
        $key.Dispose()
        $apps.Dispose()
    } catch {
        Write-Step "Settings > Apps does not list it: $(Get-Reason $_)"
    }
}

function Format-AppEntry([string] $Script, [string] $Version) {
    $shell = Get-WindowsPowerShell
    $remove = "`"$shell`" -NoProfile -ExecutionPolicy Bypass -File `"$Script`" -Uninstall -Prefix $(Format-Argument $setup.Prefix)"
    if ($setup.Machine) { $remove += ' -Service' }
    @{
        DisplayName = 'Ollama Tap'
        DisplayVersion = $Version -replace '^ollama-tap ', ''
        DisplayIcon = $setup.Exe
        InstallLocation = $setup.Prefix
        UninstallString = $remove
        NoModify = 1
        NoRepair = 1
    }
}

function Unregister-App {
    try {
        $apps = Open-AppsKey
        $key = $apps.OpenSubKey('OllamaTap')
    } catch {
        $key = $null
        Write-LogLine "Settings > Apps cannot be read: $_"
    }
    if ($key) {
        $key.Dispose()
        Remove-Part 'removing it from Settings > Apps' @($apps) {
            param($apps)
            $apps.DeleteSubKeyTree('OllamaTap', $false)
        }
    }
    if (Test-Path -LiteralPath (Get-ScriptCopy)) { Remove-Part "removing $(Get-ScriptCopy)" @() { Remove-Item -LiteralPath (Get-ScriptCopy) -Force } }
}

function Get-ScriptCopy { Join-Path $setup.State 'install.ps1' }

function Open-AppsKey { [Microsoft.Win32.Registry]::CurrentUser.CreateSubKey('Software\Microsoft\Windows\CurrentVersion\Uninstall') }

# OLLAMA'S DESKTOP APP

# Its server tries for the port every second, and has it as soon as the service, which may be upgraded, gives it back. What is done to
# the app is kept in a directory: the shortcut that started it at login, and in ran.txt its path where it ran.
function Suspend-OllamaApp {
    $link = Get-OllamaLink
    $app = Get-OllamaApp
    if (-not $app -and -not (Test-Path -LiteralPath $link)) { return }
    if (-not (Read-Consent)) {
        return Write-Step "Ollama's desktop app stays: quit it before you use Ollama Tap, or run this again with -StopApp"
    }
    $kept = Get-KeptApp
    New-Directory $kept
    if ($app) {
        Invoke-Step "stopping Ollama's desktop app" @((Join-Path $kept 'ran.txt'), $app.Path) {
            param($ran, $path)
            Set-Content -LiteralPath $ran -Value $path -Encoding UTF8
            Stop-OllamaApp
        } {
            param($ran)
            Restart-OllamaApp $ran
        }
    }
    if (Test-Path -LiteralPath $link) {
        Invoke-Step "moving $link to ${kept}: the app no longer starts at login" @($link, (Join-Path $kept 'Ollama.lnk')) {
            param($from, $to)
            Move-Item -LiteralPath $from -Destination $to -Force
        } {
            param($from, $to)
            Restore-OllamaLink $to $from
        }
    }
}

function Get-OllamaLink { Join-Path ([Environment]::GetFolderPath('Startup')) 'Ollama.lnk' }

function Get-OllamaApp { Get-Process -Name 'ollama app' -ErrorAction SilentlyContinue | Select-Object -First 1 }

function Get-KeptApp { Join-Path $setup.State 'ollama-app' }

function Read-Consent {
    if ($setup.StopApp -or $WhatIfPreference) { return $true }
    Write-Step "Ollama's desktop app is here: it tries for the service's port every second, and has it when the service is restarted or upgraded"
    try {
        (Read-Host 'Stop it, and its start at login, until Ollama Tap is removed? [y/N]') -match '^\s*y'
    } catch {
        $false # nobody is there to ask
    }
}

# With its server and the runners of that.
function Stop-OllamaApp {
    $found = Invoke-Program "$env:SystemRoot\System32\taskkill.exe" @('/F', '/T', '/IM', 'ollama app.exe')
    foreach ($line in $found.Lines) { Write-Step $line }
    Wait-Process -Name 'ollama app' -Timeout 10 -ErrorAction SilentlyContinue # seconds
    if (Get-OllamaApp) { throw "ollama-tap: Ollama's desktop app does not stop: quit it by its icon, and try again; nothing was changed" }
}

function Restore-OllamaApp {
    $kept = Get-KeptApp
    if (-not (Test-Path -LiteralPath $kept)) { return }
    $link = Join-Path $kept 'Ollama.lnk'
    if (Test-Path -LiteralPath $link) {
        Remove-Part "having Ollama's desktop app start at login again" @($link) {
            param($link)
            Restore-OllamaLink $link (Get-OllamaLink)
        }
    }
    $ran = Join-Path $kept 'ran.txt'
    if (Test-Path -LiteralPath $ran) {
        Remove-Part "starting Ollama's desktop app again" @($ran) {
            param($ran)
            Restart-OllamaApp $ran
        }
    }
    Invoke-Rest "removing $kept" { Remove-EmptyDirectory $kept }
}

# A newer one may be in its place: Ollama's own installer makes one.
function Restore-OllamaLink([string] $From, [string] $To) {
    if (-not (Test-Path -LiteralPath $From)) { return }
    if (Test-Path -LiteralPath $To) {
        Remove-Item -LiteralPath $From
    } else {
        Move-Item -LiteralPath $From -Destination $To
    }
}

# Through the desktop, since an administrator's window must not hand its rights on.
function Restart-OllamaApp([string] $Ran) {
    if (-not (Test-Path -LiteralPath $Ran)) { return }
    $path = [IO.File]::ReadAllText($Ran).Trim()
    if ($path -and -not (Get-OllamaApp)) { Start-Process -FilePath explorer.exe -ArgumentList (Format-Argument $path) }
    Remove-Item -LiteralPath $Ran
}

# UNINSTALL

# Histories go last. Until the service is removed a failure is taken back; from then on what cannot be removed is kept in $left.
function Remove-Everything {
    if ($setup.Said) { return Remove-Program }
    Remove-Tray
    if (Test-NeedsElevation) { Invoke-Elevated } else { Remove-Program }
    $undo.Clear()
    if (-not $setup.Machine -and (Get-TapService)) {
        return Write-Step "the service is the machine's and stays; -Uninstall -Service removes it"
    }
    Restore-OllamaApp
    if ($left.Count -gt 0) { return } # the entry in Settings and the history stay until all else is gone
    Unregister-App
    Remove-State $setup.State
}

function Remove-Program {
    if (Test-NeedsElevation) { throw 'ollama-tap: this part needs an administrator, and is run by none; nothing was changed' }
    $null = Resume-KilledRun
    Remove-TapService
    $undo.Clear()
    if ($setup.Machine -and (Test-EventSource)) { Remove-Part 'removing the source of its events' @() { Remove-EventSource } }
    Uninstall-Path
    if (-not (Test-Path -LiteralPath $setup.Exe)) {
        Write-Step "no ollama-tap is installed in $($setup.Prefix)"
    } else {
        Remove-Part "removing $($setup.Exe)" @() { Remove-Executable $setup.Exe }
    }
    Remove-Leftovers
    Invoke-Rest "removing $($setup.Prefix)" { Remove-EmptyDirectory $setup.Prefix }
    if ($setup.Machine -and $left.Count -eq 0) { Remove-State (Get-MachineState) }
}

# By its executable, which knows all that belongs to it, where that is still there.
function Remove-TapService {
    if (-not $setup.Machine -or -not (Get-TapService)) { return }
    Assert-OurService
    if (-not (Test-Path -LiteralPath $setup.Exe)) {
        return Invoke-Step 'removing the service, whose executable is gone' @() { Remove-Registration }
    }
    $words = @('service', 'uninstall')
    if ($setup.Purge) { $words += '--purge' }
    Invoke-Step 'removing the service' @((Get-TapService).Status, $words) {
        param($status, $words)
        Uninstall-TapService $words
    } {
        param($status)
        $found = Get-TapService
        if ($found -and $status -ne 'Stopped' -and $found.Status -eq 'Stopped') { Invoke-Tap @('service', 'start') 'the service does not start again' }
    }
}

# What fails after its registration is gone is not to be taken back, but to be said.
function Uninstall-TapService([string[]] $Words) {
    try {
        Invoke-Tap $Words 'the service cannot be removed; nothing else was changed'
    } catch {
        if (Get-TapService) { throw }
        $null = $left.Add("what the service kept: $_")
    }
}

# Without the executable's help.
function Remove-Registration {
    $program = "$env:SystemRoot\System32\sc.exe"
    if (-not (Test-Path -LiteralPath $program)) { $program = 'sc.exe' }
    try {
        if ((Get-TapService).Status -ne 'Stopped') { Stop-Service -Name OllamaTap -Force }
    } catch {
        Write-Step "the service does not stop, and goes when it has: $(Get-Reason $_)"
    }
    $found = Invoke-Program $program @('delete', 'OllamaTap')
    if ($found.Code -ne 0) { throw "ollama-tap: the service cannot be removed: $($found.Lines -join ' '); nothing else was changed" }
}

# Whether Windows knows the service as a source of events: its executable ends that too, where it is still there.
function Test-EventSource {
    try { (Open-EventKey $false).GetSubKeyNames() -contains 'OllamaTap' } catch { $false }
}

function Remove-EventSource { (Open-EventKey $true).DeleteSubKeyTree('OllamaTap', $false) }

function Open-EventKey([bool] $Writable) {
    [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SYSTEM\CurrentControlSet\Services\EventLog\Application', $Writable)
}

# A step of a removal that goes on.
function Remove-Part([string] $What, [object[]] $With, [scriptblock] $Do) {
    Invoke-Rest $What { Invoke-Step $What $With $Do }
}

# What fails is kept in $left.
function Invoke-Rest([string] $What, [scriptblock] $Part) {
    try {
        & $Part
    } catch {
        Write-Step "${What}: $(Get-Reason $_)"
        $null = $left.Add("${What}: $(Get-Reason $_)")
    }
}

# Others may have put something into it since.
function Remove-EmptyDirectory([string] $Path) {
    if ($WhatIfPreference -or -not (Test-Path -LiteralPath $Path -PathType Container) -or @(Get-ChildItem -LiteralPath $Path -Force)) { return }
    Remove-Item -LiteralPath $Path
}

function Remove-State([string] $Directory) {
    if (-not (Test-Path -LiteralPath $Directory)) { return }
    if (-not $setup.Purge) {
        Write-Step "what Ollama Tap kept stays in $Directory, such as its history; -Purge deletes it"
    } else {
        Remove-Part "deleting the history and the logs in $Directory" @($Directory) {
            param($directory)
            Remove-Item -LiteralPath $directory -Recurse -Force
        }
    }
}

# THE ADMINISTRATOR'S PART

# Runs this script once more, as an administrator and only for what needs one, in a window that is not seen; what it says is said.
function Invoke-Elevated([hashtable] $Release) {
    Write-Dropped
    Write-Step 'asking Windows for an administrator'
    New-OwnDirectory $setup.Work
    $script = Join-Path $setup.Work 'install.ps1'
    $text = Get-ScriptText
    [IO.File]::WriteAllText($script, $text)
    $sum = Get-Sum ([Text.Encoding]::UTF8.GetBytes($text))
    $name = Get-NewName 'OllamaTap'
    $pipe = New-Object IO.Pipes.NamedPipeServerStream $name, 'In', 1, 'Byte', 'Asynchronous', 65536, 65536 # bytes
    try {
        $process = Start-Elevated (Format-Elevated (Get-Handover $setup $Release) $script $sum $name)
        Read-Said $pipe $process
    } finally {
        $pipe.Dispose()
    }
}

# Says what the elevated part says, and takes over what it could not remove. It speaks through a pipe: a file where this user's programs
# may write could be made to lead elsewhere, and an administrator's rights would write there.
function Read-Said([IO.Pipes.NamedPipeServerStream] $Pipe, [object] $Process) {
    $reason = 'it said nothing: a policy may forbid Windows PowerShell here'
    $coming = $Pipe.BeginWaitForConnection($null, $null)
    while (-not $coming.AsyncWaitHandle.WaitOne(200) -and -not $Process.HasExited) { continue } # milliseconds
    if ($coming.AsyncWaitHandle.WaitOne(0)) {
        $Pipe.EndWaitForConnection($coming)
        $reader = New-Object IO.StreamReader $Pipe
        while ($null -ne ($line = $reader.ReadLine())) {
            if ($line -like 'failed: *') { $reason = $line -replace '^failed: (ollama-tap: )?', '' } else { Write-Step $line }
        }
    }
    $Process.WaitForExit()
    $code = $Process.ExitCode
    if ($code -eq 0) { return }
    if ($code -ne 2) { throw "ollama-tap: the administrator's part failed (exit code $code): $reason" }
    $null = $left.Add(($reason -replace '^not everything is removed, run the same command again: ', ''))
}

# What the elevated part is given: all that is checked here need not be looked for there, where this user's variables, drives and
# directories may be another's.
function Get-Handover([hashtable] $Options, [hashtable] $Release) {
    $given = @{ Prefix = $Options.Prefix; Service = $Options.Service; Uninstall = $Options.Uninstall; Purge = $Options.Purge }
    if ($Release) { $given += @{ From = $Release.File; Sum = $Release.Sum } }
    if (-not $Options.Service) { return $given }
    $given += @{ UserProfile = $env:USERPROFILE; Models = $env:OLLAMA_MODELS }
    if (-not (Get-TapService)) { $given.Ollama = Find-Ollama }
    $given
}

# The variables of this window alone that a service installed in an administrator's window would get, and this one does not.
function Write-Dropped {
    if (-not $setup.Service -or $setup.Uninstall) { return }
    $names = @(Get-ChildItem -Path Env: | Where-Object { Test-Dropped $_.Name $_.Value } | ForEach-Object { $_.Name } | Sort-Object)
    if ($names) {
        $settings = Join-Path (Get-MachineState) 'ollama-tap.env'
        Write-Step "these variables of this window do not reach the service: $($names -join ', '); write them into $settings"
    }
}

function Test-Dropped([string] $Name, [string] $Value) {
    if ($Name -match '^OLLAMA_(MODELS|TAP_(PREFIX|VERSION|BASE_URL|FROM|SERVICE|TRAY|STOP_APP|UNINSTALL|PURGE))$') { return $false }
    $ours = '^((OLLAMA|ANALYTICS|LOKI)_.+|TRACK_EMBEDDINGS|LOG_LEVEL|SSL_CERT_FILE|PROXY_PORT|HTTPS?_PROXY|NO_PROXY|CUDA_VISIBLE_DEVICES|' +
        'GGML_VK_VISIBLE_DEVICES|HIP_VISIBLE_DEVICES|HSA_OVERRIDE_GFX_VERSION|ROCR_VISIBLE_DEVICES)$'
    if ($Name -notmatch $ours) { return $false }
    $kept = 'User', 'Machine' | ForEach-Object { [Environment]::GetEnvironmentVariable($Name, $_) }
    $kept -notcontains $Value
}

# Of the whole script, which is no file where it came through `iex`.
function Get-ScriptText { $MyInvocation.MyCommand.ScriptBlock.Ast.Extent.StartScriptPosition.GetFullScript() }

function Get-WindowsPowerShell { "$env:SystemRoot\System32\WindowsPowerShell\v1.0\powershell.exe" }

# An elevated Windows PowerShell, which is on every Windows.
function Start-Elevated([string] $Arguments) {
    try {
        $process = Start-Process -FilePath (Get-WindowsPowerShell) -ArgumentList $Arguments -Verb RunAs -WindowStyle Hidden -PassThru
    } catch {
        throw "ollama-tap: no administrator agreed: $_"
    }
    $null = $process.Handle # without it the exit code would be forgotten
    $process
}

# The command line, which is all that an elevated process gets of ours: variables do not reach it. Other programs of this user may
# write the script's file: what is run are the bytes that were read, if they are those that were written. It opens the pipe itself, as
# somebody that the other end learns the name of and cannot act for, so that what ends it before the script can speak is said too.
function Format-Elevated([hashtable] $Given, [string] $Script, [string] $Sum, [string] $Pipe) {
    $words = foreach ($name in $Given.Keys | Sort-Object) {
        if ($Given[$name] -is [bool]) { if ($Given[$name]) { "-$name" } } elseif ($Given[$name]) { "-$name $(Format-Literal $Given[$name])" }
    }
    $open = "`$p = New-Object IO.Pipes.NamedPipeClientStream '.', $(Format-Literal $Pipe), 'Out', 'None', 'Identification'; `$p.Connect(10000)"
    $speak = "`$w = New-Object IO.StreamWriter `$p; `$w.AutoFlush = `$true"
    $read = "`$b = [IO.File]::ReadAllBytes($(Format-Literal $Script))"
    $hash = '[BitConverter]::ToString([Security.Cryptography.SHA256]::Create().ComputeHash($b)).Replace(''-'', '''')'
    $check = "if ($hash -ne '$Sum') { throw 'another program changed the script; nothing was changed' }"
    $run = "& ([scriptblock]::Create([Text.Encoding]::UTF8.GetString(`$b))) -Said `$w $($words -join ' '); `$w.Dispose()"
    $fail = "`$w.WriteLine('failed: ' + `$_); `$w.Dispose(); if ([string] `$_ -like '*not everything*') { exit 2 }; exit 1"
    "-NoProfile -NonInteractive -ExecutionPolicy Bypass -Command `"$open; $speak; try { $read; $check; $run } catch { $fail }`""
}

# As PowerShell reads it back, whatever kind of quotes it holds.
function Format-Literal([string] $Value) { "'" + [Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent($Value) + "'" }

# In quotes, as Windows takes command lines apart; a value that holds one was refused. A backslash before a quote would escape it.
function Format-Argument([string] $Value) { '"' + ($Value -replace '(\\+)$', '$1$1') + '"' }

# OPTIONS

function Assert-Options([hashtable] $Options) {
    foreach ($name in 'Prefix', 'From') {
        if ($Options[$name] -match '[";]') { throw "ollama-tap: -$name may hold no quote and no semicolon" }
    }
    if ($Options.Version -and $Options.Version -notmatch '^[0-9A-Za-z][0-9A-Za-z.+-]*$') {
        throw "ollama-tap: -Version $($Options.Version) is no version; one is 0.1.0"
    }
    if ($Options.BaseUrl -and -not (Test-Address $Options.BaseUrl)) {
        throw "ollama-tap: -BaseUrl $($Options.BaseUrl): only https is taken, or http on this machine"
    }
}

# https, or http on this machine, where nobody else listens in.
function Test-Address([string] $Address) {
    $Address -match '^https://[^\s"]+$' -or $Address -match '^http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?(/[^\s"]*)?$'
}

function Test-On([string] $Value) { $Value -ne '' -and $Value -ne '0' }

# STEPS

# One step: says or asks, remembers what takes it back, and does it. Taking back must be harmless where the step was not done. Both get
# the values of $With, since what is taken back later finds none of the variables here.
function Invoke-Step([string] $What, [object[]] $With, [scriptblock] $Do, [scriptblock] $Back) {
    if (-not (Confirm-Step $What)) { return }
    if ($Back) { Add-Undo $Back $With }
    & $Do @With
}

# Whether a step is to be done: not with -WhatIf, which says it in PowerShell's own words.
function Confirm-Step([string] $What) {
    $What = Hide-Password $What
    if ($setup.Asker.ShouldProcess($What, "${What}: go on?", 'Ollama Tap')) {
        Write-Step $What
        return $true
    }
    if ($WhatIfPreference) { return $false }
    throw "ollama-tap: stopped before $What"
}

function Add-Undo([scriptblock] $Do, [object[]] $With) { $undo.Push(@{ Do = $Do; With = $With }) }

function Undo-Everything {
    if ($undo.Count -gt 0) { Write-Step 'taking it back' }
    while ($undo.Count -gt 0) {
        $step = $undo.Pop()
        $back = $step.Do
        $with = $step.With
        try {
            & $back @with
        } catch {
            Write-Step "that cannot be taken back: $_"
        }
    }
}

# WHAT IS SAID

function Open-Log {
    if ($setup.Said) { return $setup.Said }
    if (-not $WhatIfPreference) { $null = New-Item -ItemType Directory -Path $setup.State -Force }
    Join-Path $setup.State 'install.log'
}

function Write-Step([string] $Text) {
    $Text = Hide-Password $Text
    Write-Host "ollama-tap: $Text"
    Write-LogLine $Text
}

function Write-LogLine([string] $Text) {
    if ($WhatIfPreference -or -not $log) { return }
    $line = Hide-Password $Text
    if ($setup.Said) {
        try { $log.WriteLine($line) } catch { $null = $_ } # whoever asked has gone: what was begun goes on
        return
    }
    Add-Content -LiteralPath $log -Value "$(Get-Date -Format s) $line" -Encoding UTF8 -ErrorAction SilentlyContinue
}

# A password in an address is nobody else's.
function Hide-Password([string] $Text) { $Text -replace '(?<=://)[^\s/?#]*@', '***@' }

# THE CALL

# The words of a command line as they were given, but for `-Switch:$false`, which PowerShell does not hand on.
$named = @{}
$rest = @()
for ($at = 0; $at -lt $Words.Count; $at++) {
    if ("$($Words[$at])" -match '^-(\w+):$') { $named[$Matches[1]] = $Words[++$at] } else { $rest += , $Words[$at] }
}
# A script that fails ends the script that called it; under `iex` there is none, and the session's own preference stays.
$caller = (Get-Variable -Name MyInvocation -Scope 1 -ValueOnly).MyCommand
$whole = $MyInvocation.MyCommand.ScriptBlock.Ast
while ($whole.Parent) { $whole = $whole.Parent }
if ($caller.ScriptBlock -and [object]::ReferenceEquals($caller.ScriptBlock.Ast, $whole)) {
    Set-Variable -Name ErrorActionPreference -Value Stop -Scope 1
}
try {
    Install-OllamaTap @rest @named
} catch {
    $failure = New-Object Exception (Hide-Password "$_"), $_.Exception
    $PSCmdlet.ThrowTerminatingError((New-Object Management.Automation.ErrorRecord $failure, 'OllamaTap', 'NotSpecified', $null))
}
} $args
