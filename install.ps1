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
# -WhatIf says what would be done, and does none of it. Whatever fails or is interrupted is taken back: what was there before is
# there again, and runs again if it ran. A download is only used where its SHA-256 is that of the release's SHA256SUMS, and where
# it runs on this machine. Every step is said, and kept in %LOCALAPPDATA%\OllamaTap\install.log.
#
# It is written for Windows PowerShell 5.1 and PowerShell 7. It never says `exit`, which would close the window of an `iex`.
# The functions find $setup (what was asked for), $undo (what takes it back) and $log where their caller has them.
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
    [string] $Said # given by this script to its own elevated part: the file that takes what that says
)

function Start-Setup([hashtable] $Given) {
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue' # in 5.1, drawing it takes longer than the download
    $PSNativeCommandUseErrorActionPreference = $false
    Set-StrictMode -Off
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12

    Assert-Windows
    $setup = Read-Setup $Given
    $log = Open-Log
    $undo = New-Object System.Collections.Stack
    $done = $false
    try {
        if ($setup.Uninstall) { Remove-Everything } else { Install-Everything }
        $done = $true
    } catch {
        Write-Log "failed: $_"
        throw
    } finally {
        if (-not $done) { Undo-Everything } # Ctrl-C comes here, and to no catch
    }
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
    $setup.Machine = Test-ForMachine $setup
    if ($setup.Prefix) {
        $setup.Prefix = Resolve-FullPath $setup.Prefix
    } else {
        $setup.Prefix = Get-DefaultPrefix $setup.Machine
    }
    $setup.Exe = Join-Path $setup.Prefix 'ollama-tap.exe'
    $setup
}

# Whether it is for all users, which only an administrator may do: also where that is what is installed.
function Test-ForMachine([hashtable] $Options) {
    if ($Options.Service -or $Options.Said -or (Test-Administrator)) { return $true }
    if ($Options.Prefix) { return $false }
    $mine = Join-Path (Get-DefaultPrefix $false) 'ollama-tap.exe'
    $machines = Join-Path (Get-DefaultPrefix $true) 'ollama-tap.exe'
    (Test-Path -LiteralPath $machines) -and -not (Test-Path -LiteralPath $mine)
}

function Get-DefaultPrefix([bool] $Machine) {
    if (-not $Machine) { return Join-Path $env:LOCALAPPDATA 'Programs\OllamaTap' }
    $files = $env:ProgramW6432 # a PowerShell of 32 bits has another ProgramFiles
    if (-not $files) { $files = $env:ProgramFiles }
    Join-Path $files 'OllamaTap'
}

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

# What is this user's own is done here; what is the machine's, by an elevated run of this script.
function Install-Everything {
    if ($setup.Said) { return Install-Program }
    if ($setup.Service -or $setup.StopApp) { Suspend-OllamaApp }
    if ($setup.Tray) { Register-Tray }
    if (Test-NeedsElevation) { Invoke-Elevated } else { Install-Program }
    Show-Tray
    if (-not (Test-Ollama)) {
        Write-Step 'Ollama itself is not installed: get it from https://ollama.com/download'
        Write-Step "'ollama-tap proxy --upstream URL' taps one elsewhere"
    }
}

function Test-NeedsElevation { $setup.Machine -and -not $WhatIfPreference -and -not (Test-Administrator) }

function Install-Program {
    if (Test-NeedsElevation) { throw 'ollama-tap: this part needs an administrator, and is run by none; nothing was changed' }
    $stage = Join-Path $setup.Prefix "new-$PID" # where only those may write who may write the executable
    try {
        New-Directory $stage
        Save-Release $stage
        $new = Get-NewVersion $stage
        $old = Get-ProgramVersion $setup.Exe
        $stopped = Stop-TapService
        Install-Executable $stage
        Install-Path
        Start-TapService $stopped
    } finally {
        Remove-Item -LiteralPath $stage -Recurse -Force -ErrorAction SilentlyContinue -WhatIf:$false
    }
    Remove-Leftovers
    if (-not $WhatIfPreference) { Write-Installed $new $old }
}

# Makes a directory and those above it; taking it back removes the ones that were not there.
function New-Directory([string] $Path) {
    if (-not $Path -or (Test-Path -LiteralPath $Path -PathType Container)) { return }
    New-Directory (Split-Path -Parent $Path)
    if (Confirm-Step "making the directory $Path") {
        Add-Undo { param($made) Remove-EmptyDirectory $made } $Path
        $null = New-Item -ItemType Directory -Path $Path
    }
}

# Puts ollama-tap.exe into the stage, from where it was asked to be.
function Save-Release([string] $Stage) {
    $file = $setup.From
    if (-not $file) { return Save-Download $Stage }
    if (-not (Test-Path -LiteralPath $file -PathType Leaf)) { throw "ollama-tap: there is no file $file; nothing was changed" }
    if (-not (Confirm-Step "taking $file")) { return }
    if ($file -like '*.zip') {
        Expand-Release $file $Stage
    } else {
        Copy-Item -LiteralPath $file -Destination (Join-Path $Stage 'ollama-tap.exe')
        Unblock-File -LiteralPath (Join-Path $Stage 'ollama-tap.exe') # else Windows asks about what a browser downloaded
    }
}

function Save-Download([string] $Stage) {
    $base = Get-ReleaseAddress $setup.BaseUrl $setup.Version
    $target = Get-Target (Get-Processor)
    if (-not (Confirm-Step "looking for a release for $target at $base")) { return }
    $sums = Join-Path $Stage 'SHA256SUMS'
    Save-Address "$base/SHA256SUMS" $sums
    $listed = Select-Archive ([IO.File]::ReadAllText($sums)) $target $setup.Version
    $archive = Join-Path $Stage $listed.Name
    Write-Step "downloading $base/$($listed.Name)"
    Save-Address "$base/$($listed.Name)" $archive
    $found = (Get-FileHash -LiteralPath $archive -Algorithm SHA256).Hash
    if ($found -ne $listed.Sum) {
        $is = "it is $found and should be $($listed.Sum)"
        throw "ollama-tap: $($listed.Name) is not what SHA256SUMS says: $is; nothing was changed, try again"
    }
    Write-Step 'its SHA-256 is right'
    Expand-Release $archive $Stage
}

function Save-Address([string] $Address, [string] $File) {
    try {
        Invoke-WebRequest -Uri $Address -OutFile $File -UseBasicParsing
    } catch {
        throw "ollama-tap: cannot download ${Address}: $_; nothing was changed"
    }
}

function Expand-Release([string] $Archive, [string] $Stage) {
    $unpacked = Join-Path $Stage 'unpacked'
    Expand-Archive -LiteralPath $Archive -DestinationPath $unpacked
    $found = @(Get-ChildItem -LiteralPath $unpacked -Recurse -Filter 'ollama-tap.exe')
    if ($found.Count -ne 1) { throw "ollama-tap: $Archive holds no release; nothing was changed" }
    Move-Item -LiteralPath $found[0].FullName -Destination (Join-Path $Stage 'ollama-tap.exe')
}

function Get-NewVersion([string] $Stage) {
    if ($WhatIfPreference) { return '' }
    $new = Get-ProgramVersion (Join-Path $Stage 'ollama-tap.exe')
    if (-not $new) { throw 'ollama-tap: the new ollama-tap does not run on this machine; nothing was changed' }
    $new
}

# What `--version` says; nothing where it does not run or is not there.
function Get-ProgramVersion([string] $Path) {
    if (-not (Test-Path -LiteralPath $Path)) { return '' }
    try { $words = & $Path --version } catch { return '' }
    if ($LASTEXITCODE -ne 0) { return '' }
    "$words"
}

# Whether it ran.
function Stop-TapService {
    $found = Get-TapService
    if (-not $setup.Machine -or -not $found) { return $false }
    Assert-ServiceIsHere
    if ($found.Status -eq 'Stopped') { return $false }
    if (Confirm-Step 'stopping the service') {
        Add-Undo { Invoke-Tap @('service', 'start') 'the service does not start again' }
        Invoke-Tap @('service', 'stop') 'the service does not stop'
    }
    $true
}

# Only the executable that the service runs is asked to do something with it.
function Assert-ServiceIsHere {
    if (Test-Path -LiteralPath $setup.Exe) { return }
    throw "ollama-tap: there is a service already, and no $($setup.Exe) for it: give the -Prefix that it has; nothing was changed"
}

function Get-TapService { Get-Service -Name OllamaTap -ErrorAction SilentlyContinue }

# A running executable cannot be overwritten, but renamed.
function Install-Executable([string] $Stage) {
    $exe = $setup.Exe
    $old = "$exe.old-$PID"
    if (Test-Path -LiteralPath $exe) {
        if (-not (Confirm-Step "replacing $exe")) { return }
        Add-Undo { param($exe, $old) Restore-Executable $exe $old } $exe, $old
        Move-Item -LiteralPath $exe -Destination $old
    } else {
        if (-not (Confirm-Step "writing $exe")) { return }
        Add-Undo { param($exe) Remove-Executable $exe } $exe
    }
    Move-Item -LiteralPath (Join-Path $Stage 'ollama-tap.exe') -Destination $exe
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
    $gone = "$Exe.gone-$PID"
    Move-Item -LiteralPath $Exe -Destination $gone
    Remove-Item -LiteralPath $gone -Force -ErrorAction SilentlyContinue
    if (Test-Path -LiteralPath $gone) { Write-Step "it still runs: delete $gone when it has ended" }
}

# What this run or an earlier one could not delete, since it ran.
function Remove-Leftovers {
    foreach ($kind in 'old', 'gone') {
        Get-ChildItem -LiteralPath $setup.Prefix -Filter "ollama-tap.exe.$kind-*" -ErrorAction SilentlyContinue |
            Remove-Item -Force -ErrorAction SilentlyContinue
    }
}

# The service is installed where that was asked for, and runs again where it ran.
function Start-TapService([bool] $Stopped) {
    if ($setup.Service) {
        if (-not (Confirm-Step 'installing the service')) { return }
        if (-not (Get-TapService)) { Add-Undo { Invoke-Tap @('service', 'uninstall') 'the service cannot be removed' } }
        Invoke-Tap @('service', 'install') 'the service cannot be installed'
    } elseif ($Stopped) {
        if (Confirm-Step 'starting the service') { Invoke-Tap @('service', 'start') 'the new ollama-tap does not start' }
    } elseif (-not $WhatIfPreference -and -not (Get-ProgramVersion $setup.Exe)) {
        throw "ollama-tap: $($setup.Exe) does not run"
    }
}

# Runs the installed executable; what it says is said.
function Invoke-Tap([string[]] $Words, [string] $Failure) {
    $ErrorActionPreference = 'Continue' # in 5.1, what a program says on stderr would be an error of ours
    $exe = $setup.Exe
    $global:LASTEXITCODE = 1 # for where it does not even start
    & $exe $Words 2>&1 | ForEach-Object { Write-Step ("$_" -replace '^ollama-tap: ', '') }
    if ($LASTEXITCODE -ne 0) { throw "ollama-tap: $Failure" }
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

function Test-Ollama {
    if (Get-Command -Name ollama -CommandType Application -ErrorAction SilentlyContinue) { return $true }
    $mine = "$env:LOCALAPPDATA\Programs\Ollama\ollama.exe"
    (Test-Path -LiteralPath $mine) -or (Test-Path -LiteralPath "$env:ProgramFiles\Ollama\ollama.exe")
}

# THE PATH

function Install-Path {
    $old = Get-RegisteredPath
    $new = Add-PathEntry $old $setup.Prefix
    if ($new -eq $old -or -not (Confirm-Step "adding $($setup.Prefix) to the PATH")) { return }
    Add-Undo { Set-RegisteredPath (Remove-PathEntry (Get-RegisteredPath) $setup.Prefix) }
    Set-RegisteredPath $new
    $env:Path = Add-PathEntry $env:Path $setup.Prefix
}

function Uninstall-Path {
    $old = Get-RegisteredPath
    $new = Remove-PathEntry $old $setup.Prefix
    if ($new -eq $old -or -not (Confirm-Step "removing $($setup.Prefix) from the PATH")) { return }
    Set-RegisteredPath $new
    $env:Path = Remove-PathEntry $env:Path $setup.Prefix
}

function Add-PathEntry([string] $Path, [string] $Directory) {
    if (-not $Path) { return $Directory }
    foreach ($entry in $Path.Split(';')) {
        if (Test-SameDirectory $entry $Directory) { return $Path }
    }
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
    # Setting any variable of the user's has Windows tell every window that the environment changed.
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

function Register-Tray {
    $old = Get-TrayStart
    $new = '"{0}" tray' -f $setup.Exe
    if ($new -eq $old -or -not (Confirm-Step 'having the icon start whenever you log in')) { return }
    Add-Undo { param($old) Set-TrayStart $old } $old
    Set-TrayStart $new
}

# One that is shown already is from now on shown by the new executable.
function Show-Tray {
    $shown = @(Get-Tray)
    if (-not $setup.Tray -and $shown.Count -eq 0) { return }
    if (-not (Confirm-Step 'showing the icon')) { return }
    Stop-Tray $shown
    Start-Tray
}

function Stop-Tray([object[]] $Shown) {
    foreach ($process in $Shown) { Stop-Process -Id $process.ProcessId -Force -ErrorAction SilentlyContinue }
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
    $shown = @(Get-Tray)
    if ($shown.Count -gt 0 -and (Confirm-Step 'closing the icon')) {
        Add-Undo { Start-Tray }
        Stop-Tray $shown
    }
    $old = Get-TrayStart
    if ($old -and (Confirm-Step "removing the icon's start at login")) {
        Add-Undo { param($old) Set-TrayStart $old } $old
        Set-TrayStart ''
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

# The processes that show it to whoever is logged in here.
function Get-Tray {
    $session = (Get-Process -Id $PID).SessionId
    Get-CimInstance -ClassName Win32_Process -Filter "Name = 'ollama-tap.exe'" -ErrorAction SilentlyContinue |
        Where-Object { $_.SessionId -eq $session -and $_.CommandLine -match '\stray\s*$' }
}

# OLLAMA'S DESKTOP APP

# When it finds its port taken it ends every other Ollama server, that of the service as well. What is done to it is kept in a
# directory: the shortcut that started it at login, and in ran.txt the path of the app where it ran.
function Suspend-OllamaApp {
    $link = Get-OllamaLink
    $app = Get-OllamaApp
    if (-not $app -and -not (Test-Path -LiteralPath $link)) { return }
    if (-not (Read-Consent)) {
        return Write-Step "Ollama's desktop app stays: quit it before you use Ollama Tap, or run this again with -StopApp"
    }
    $kept = Get-KeptApp
    New-Directory $kept
    if ($app -and (Confirm-Step "stopping Ollama's desktop app")) {
        Add-Undo { param($ran) Restart-OllamaApp $ran } "$kept\ran.txt"
        [IO.File]::WriteAllText("$kept\ran.txt", $app.Path)
        Stop-OllamaApp
    }
    if ((Test-Path -LiteralPath $link) -and (Confirm-Step "moving $link to ${kept}: the app no longer starts at login")) {
        Add-Undo { param($from, $to) Restore-OllamaLink $from $to } "$kept\Ollama.lnk", $link
        Move-Item -LiteralPath $link -Destination "$kept\Ollama.lnk" -Force
    }
}

function Get-OllamaLink { Join-Path ([Environment]::GetFolderPath('Startup')) 'Ollama.lnk' }

function Get-OllamaApp { Get-Process -Name 'ollama app' -ErrorAction SilentlyContinue | Select-Object -First 1 }

function Get-KeptApp { Join-Path $setup.State 'ollama-app' }

function Read-Consent {
    if ($setup.StopApp -or $WhatIfPreference) { return $true }
    Write-Step "Ollama's desktop app is here: when its port is taken it ends every other Ollama server, that of the service as well"
    try {
        (Read-Host 'Stop it, and its start at login, until Ollama Tap is removed? [y/N]') -match '^\s*y'
    } catch {
        $false # nobody is there to ask
    }
}

# With its server and the runners of that.
function Stop-OllamaApp {
    $ErrorActionPreference = 'Continue'
    & taskkill.exe /F /T /IM 'ollama app.exe' 2>&1 | ForEach-Object { Write-Step "$_" }
    Wait-Process -Name 'ollama app' -Timeout 10 -ErrorAction SilentlyContinue # seconds
    if (Get-OllamaApp) { throw "ollama-tap: Ollama's desktop app does not stop: quit it by its icon, and try again; nothing was changed" }
}

function Restore-OllamaApp {
    $kept = Get-KeptApp
    if (-not (Test-Path -LiteralPath $kept)) { return }
    if ((Test-Path -LiteralPath "$kept\Ollama.lnk") -and (Confirm-Step "having Ollama's desktop app start at login again")) {
        Restore-OllamaLink "$kept\Ollama.lnk" (Get-OllamaLink)
    }
    if ((Test-Path -LiteralPath "$kept\ran.txt") -and (Confirm-Step "starting Ollama's desktop app again")) {
        Restart-OllamaApp "$kept\ran.txt"
    }
    Remove-EmptyDirectory $kept
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
    $path = [IO.File]::ReadAllText($Ran)
    Remove-Item -LiteralPath $Ran
    if (Get-OllamaApp) { return }
    try {
        Start-Process -FilePath explorer.exe -ArgumentList (Format-Argument $path)
    } catch {
        Write-Step "Ollama's desktop app does not start: $_"
    }
}

# UNINSTALL

function Remove-Everything {
    if ($setup.Said) { return Remove-Program }
    Remove-Tray
    if (Test-NeedsElevation) { Invoke-Elevated } else { Remove-Program }
    $undo.Clear() # from here on nothing is taken back
    if (-not $setup.Machine -and (Get-TapService)) {
        return Write-Step "the service is the machine's and stays; -Uninstall -Service removes it"
    }
    Restore-OllamaApp
    Remove-State $setup.State
}

function Remove-Program {
    if (Test-NeedsElevation) { throw 'ollama-tap: this part needs an administrator, and is run by none; nothing was changed' }
    Remove-TapService
    Uninstall-Path
    if (-not (Test-Path -LiteralPath $setup.Exe)) {
        Write-Step "no ollama-tap is installed in $($setup.Prefix)"
    } elseif (Confirm-Step "removing $($setup.Exe)") {
        Remove-Executable $setup.Exe
    }
    Remove-Leftovers
    Remove-EmptyDirectory $setup.Prefix
    if ($setup.Machine) { Remove-State (Join-Path $env:ProgramData 'OllamaTap') }
}

# The service can only be removed while its executable is there to do it.
function Remove-TapService {
    if (-not $setup.Machine -or -not (Get-TapService)) { return }
    Assert-ServiceIsHere
    $words = @('service', 'uninstall')
    if ($setup.Purge) { $words += '--purge' }
    if (Confirm-Step 'removing the service') { Invoke-Tap $words 'the service cannot be removed; nothing else was changed' }
}

# Others may have put something into it since.
function Remove-EmptyDirectory([string] $Path) {
    if (-not (Test-Path -LiteralPath $Path -PathType Container) -or @(Get-ChildItem -LiteralPath $Path -Force)) { return }
    Remove-Item -LiteralPath $Path
}

function Remove-State([string] $Directory) {
    if (-not (Test-Path -LiteralPath $Directory)) { return }
    if (-not $setup.Purge) {
        Write-Step "the history and the logs stay in $Directory; -Purge deletes them"
    } elseif (Confirm-Step "deleting the history and the logs in $Directory") {
        Remove-Item -LiteralPath $Directory -Recurse -Force
    }
}

# THE ADMINISTRATOR'S PART

# Runs this script once more, as an administrator and only for what needs one, in a window that is not seen; what it says is said.
function Invoke-Elevated {
    Write-Step 'asking Windows for an administrator'
    $folder = Join-Path ([IO.Path]::GetTempPath()) "ollama-tap-$([guid]::NewGuid())"
    $null = New-Item -ItemType Directory -Path $folder
    try {
        $script = Join-Path $folder 'install.ps1'
        $said = Join-Path $folder 'said.txt'
        [IO.File]::WriteAllText($script, (Get-ScriptText))
        [IO.File]::WriteAllText($said, '')
        $code = Start-Elevated (Format-Elevated $setup $script $said)
        Get-Content -LiteralPath $said -Encoding UTF8 | ForEach-Object { Write-Step $_ }
        if ($code -ne 0) { throw "ollama-tap: the administrator's part failed" }
    } finally {
        Remove-Item -LiteralPath $folder -Recurse -Force -ErrorAction SilentlyContinue
    }
}

# Of the whole script, which is no file where it came through `iex`.
function Get-ScriptText { $MyInvocation.MyCommand.ScriptBlock.Ast.Extent.StartScriptPosition.GetFullScript() }

# The exit code of an elevated Windows PowerShell, which is on every Windows.
function Start-Elevated([string] $Arguments) {
    $shell = Join-Path $env:SystemRoot 'System32\WindowsPowerShell\v1.0\powershell.exe'
    try {
        $process = Start-Process -FilePath $shell -ArgumentList $Arguments -Verb RunAs -WindowStyle Hidden -PassThru
    } catch {
        throw "ollama-tap: no administrator agreed: $_"
    }
    $null = $process.Handle # without it the exit code would be forgotten
    $process.WaitForExit()
    $process.ExitCode
}

# The command line, which is all that an elevated process gets of ours: variables do not reach it.
function Format-Elevated([hashtable] $Options, [string] $Script, [string] $Said) {
    $words = @('-NoProfile', '-ExecutionPolicy', 'Bypass', '-File', (Format-Argument $Script), '-Said', (Format-Argument $Said))
    foreach ($name in 'Prefix', 'Version', 'BaseUrl', 'From') {
        if ($Options[$name]) { $words += @("-$name", (Format-Argument $Options[$name])) }
    }
    foreach ($name in 'Service', 'Uninstall', 'Purge') {
        if ($Options[$name]) { $words += "-$name" }
    }
    $words -join ' '
}

# In quotes, as Windows takes command lines apart; a value that holds one was refused. A backslash before a quote would escape it.
function Format-Argument([string] $Value) { '"' + ($Value -replace '(\\+)$', '$1$1') + '"' }

# WHAT TO DOWNLOAD

function Get-ReleaseAddress([string] $Base, [string] $Wanted) {
    $releases = 'https://github.com/ollama-tap/ollama-tap/releases'
    if ($Base) { return $Base }
    if ($Wanted) { return "$releases/download/v$Wanted" }
    "$releases/latest/download"
}

# Windows on ARM runs it as well; Windows of 32 bits has none.
function Get-Target([string] $Processor) {
    if ($Processor -eq 'AMD64' -or $Processor -eq 'ARM64') { return 'x86_64-pc-windows-msvc' }
    throw "ollama-tap: there is no release for Windows on $Processor"
}

# The one archive for this machine that SHA256SUMS lists: its Name and Sum.
function Select-Archive([string] $Sums, [string] $Target, [string] $Wanted) {
    $line = "(?m)^([0-9a-f]{64}) [ *](ollama-tap-([0-9A-Za-z.+-]+)-$Target\.zip)\r?$"
    $found = @([regex]::Matches($Sums, $line) | Where-Object { -not $Wanted -or $_.Groups[3].Value -eq $Wanted })
    if ($found.Count -eq 0) { throw "ollama-tap: SHA256SUMS lists no release $Wanted for $Target; nothing was changed" }
    if ($found.Count -gt 1) { throw "ollama-tap: SHA256SUMS lists more than one release for ${Target}; choose one with -Version" }
    @{ Name = $found[0].Groups[2].Value; Sum = $found[0].Groups[1].Value }
}

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

# SMALL TOOLS

# Says a step, and whether it is to be done: not with -WhatIf, which says it in PowerShell's own words.
function Confirm-Step {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([string] $What)
    if ($PSCmdlet.ShouldProcess($What, "${What}: go on?", 'Ollama Tap')) {
        Write-Step $What
        return $true
    }
    if ($WhatIfPreference) { return $false }
    throw "ollama-tap: stopped before $What"
}

# Remembers what takes a step back, before the step is done: it must be harmless where the step was not.
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

function Open-Log {
    if ($setup.Said) { return $setup.Said }
    if (-not $WhatIfPreference) { $null = New-Item -ItemType Directory -Path $setup.State -Force }
    Join-Path $setup.State 'install.log'
}

function Write-Step([string] $Text) {
    Write-Host "ollama-tap: $Text"
    Write-Log $Text
}

function Write-Log([string] $Text) {
    if ($WhatIfPreference) { return }
    $line = $Text
    if (-not $setup.Said) { $line = "$(Get-Date -Format s) $Text" }
    Add-Content -LiteralPath $log -Value $line -Encoding UTF8 -ErrorAction SilentlyContinue
}

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
}
