# What must not be done is not begun, and says why in one line; what a stranger could change is looked at. Read by promises.ps1.

. (Join-Path $PSScriptRoot 'site.ps1')

# It fails with these words, all is as before, and nothing was made but the folder of the log.
function Assert-Refused([string] $Claim, [hashtable] $Made, [hashtable] $Given, [string] $Wanted, [bool] $AtOnce = $true) {
    $before = Get-State $Made
    $failure = Invoke-Installer $Made $Given
    Assert-Like $Claim $failure $Wanted
    Assert-Same "${Claim}: in one line" @($failure -split "`n").Count 1
    Assert-Same "${Claim}: all is as before" (Get-State $Made) $before
    if ($AtOnce) { Assert-That "${Claim}: before the first change" ($Made.Said -notcontains 'ollama-tap: taking it back') }
}

$all = @{ Service = $true; Tray = $true; StopApp = $true }

# P4, P10, P7, P14: what is to be installed

$text = Join-Path $script:folder 'text.zip'
[IO.File]::WriteAllText($text, 'no zip')
Assert-Refused 'no zip' (New-Fresh $false) @{ From = $text } "$text is no zip archive"
$made = New-Fresh $false
$bytes = [IO.File]::ReadAllBytes($env:OLLAMA_TAP_FROM)
$half = Join-Path $script:folder 'half.zip'
[IO.File]::WriteAllBytes($half, $bytes[0..([int] ($bytes.Length / 2))])
Assert-Refused 'half a zip' $made @{ From = $half } "$half is no zip archive"
Assert-Refused 'no file' (New-Fresh $false) @{ From = (Join-Path $script:folder 'none.zip'); Service = $true } 'there is no file'
$made = New-Fresh $false
$null = Save-Release $made 'exe 1.0.0 --version'
Assert-Refused 'W5: one that does not run' $made @{} 'does not run on this machine: exit code 1 ollama-tap: it fails at --version' $false

$made = New-Fresh $false
$archive = $env:OLLAMA_TAP_FROM
$env:OLLAMA_TAP_FROM = $null
$served = Join-Path $script:folder 'site'
Save-Site $served '1.0.0' $archive $script:installer
$site = Start-Site $served
try {
    Assert-Done 'a download' $made @{ BaseUrl = $site.Address }
    Assert-That 'is installed' ([IO.File]::Exists($made.OwnExe))
    Assert-Same 'and leaves nothing on the way' @(Get-ChildItem -LiteralPath (Join-Path $made.Local 'OllamaTap')).Count 2
    $made = New-Fresh $false
    $env:OLLAMA_TAP_FROM = $null
    Assert-Refused 'a version that is not there' $made @{ BaseUrl = $site.Address; Version = '9.9.9' } 'lists no release 9.9.9'
    Assert-Refused 'a page in place of a file' $made @{ BaseUrl = "$($site.Address)/none" } "/none/SHA256SUMS: 404 Not Found; nothing was changed"
    Assert-Refused 'an address that is not safe' $made @{ BaseUrl = 'http://me:PASSWORD@a.example' } '-BaseUrl http://***@a.example'
    foreach ($name in 'https_proxy', 'HTTPS_PROXY') { [Environment]::SetEnvironmentVariable($name, "http://me:PASSWORD@$($site.Address.Substring(7))") }
    Assert-Refused 'a proxy that asks for a login' $made @{ BaseUrl = 'https://a.example/b' } 'set the variable HTTPS_PROXY'
    foreach ($name in 'https_proxy', 'HTTPS_PROXY') { [Environment]::SetEnvironmentVariable($name, $null) }
    $log = [IO.File]::ReadAllText((Join-Path $made.Local (Join-Path 'OllamaTap' 'install.log')))
    Assert-That 'a password is never said' ("$($made.Said)$log" -notlike '*PASSWORD@*')
    [IO.File]::AppendAllText((Join-Path $served 'ollama-tap-1.0.0-x86_64-pc-windows-msvc.zip'), 'x')
    Assert-Refused 'a sum that is not right' $made @{ BaseUrl = $site.Address } 'is not what SHA256SUMS says'
} finally {
    Stop-Site $site
}

# The machine, and who asks

$made = New-Fresh $false
$made.Agrees = $false
Assert-Refused 'an administrator who does not agree' $made $all 'no administrator agreed' $false
$made = New-Installed $false $all
$made.Agrees = $false
Assert-Refused 'nor to a removal' $made @{ Purge = $true } 'no administrator agreed' $false
foreach ($answer in 'n', $null) {
    $made = New-Fresh $false
    $made.Answer = $answer
    Assert-Done "an app that stays by '$answer'" $made @{ Service = $true }
    Assert-That 'stays' $made.App
}

# P12, W7: what the user's other programs can write

foreach ($file in 'install.ps1', 'ollama-tap.exe') {
    $made = New-Fresh $false
    $made.Tampered = $file
    $made.BeforeElevated = {
        Get-ChildItem -LiteralPath $global:made.Root -Recurse -Filter $global:made.Tampered | ForEach-Object { [IO.File]::AppendAllText($_.FullName, '#') }
    }
    Assert-Refused "another program that changes $file" $made $all 'changed' $false
    Assert-That "and $file is not run" ($made.Calls -notcontains 'service install')
}
$made = New-Fresh $false
Assert-Done 'a file for the administrator' $made $all
Assert-That 'is a copy' ($made.Elevated -notlike "*$env:OLLAMA_TAP_FROM*")

# W6: an elevated part that cannot speak

$made = New-Fresh $false
$made.BeforeElevated = { $ExecutionContext.InvokeCommand.GetType() | Out-Null; throw 'blocked' }
Assert-Refused 'an elevated part that does not start' $made $all 'no administrator agreed: blocked' $false

# No file of this user's is written with an administrator's rights.

function global:Get-UserFile {
    $files = Get-ChildItem -LiteralPath $global:made.Local -Recurse -File -Force
    @($files | ForEach-Object { "$($_.FullName) $($_.LastWriteTimeUtc.Ticks)" } | Sort-Object) -join "`n"
}
$made = New-Fresh $false
$made.BeforeElevated = { $global:made.Before = Get-UserFile }
$made.AfterElevated = { $global:made.After = Get-UserFile }
Assert-Done 'an installation by an elevated part' $made $all
Assert-That 'writes nothing of this user''s' ($made.Before -and $made.After -eq $made.Before)

# P2: the service's executable is gone

foreach ($admin in $false, $true) {
    foreach ($given in @{}, @{ Service = $true }, @{ Prefix = 'PREFIX'; Service = $true }) {
        $made = New-Installed $admin $all
        [IO.File]::Delete($made.Exe)
        $made.Service = 'Stopped'
        $with = $given.Clone()
        if ($with.Prefix) { $with.Prefix = Split-Path -Parent $made.Exe }
        Assert-Done "a service without its executable is repaired with $($given.Keys)" $made $with
        Assert-That 'and runs' ([IO.File]::Exists($made.Exe) -and $made.Service -eq 'Running')
    }
    foreach ($given in @{ Uninstall = $true }, @{ Purge = $true }) {
        $made = New-Installed $admin $all
        [IO.File]::Delete($made.Exe)
        $made.Service = 'Stopped'
        Assert-Done "$($given.Keys) without the executable" $made $given
        Assert-That 'removes the service' (-not $made.Service -and $made.Keys.Machine.Path[0] -notlike '*OllamaTap*')
    }
}
$made = New-Installed $true $all
[IO.File]::Delete($made.Exe)
$made.ServiceProgram = 'D:\Tap\ollama-tap.exe'
Assert-Refused 'one of another prefix' $made @{ Uninstall = $true } 'the service runs D:\Tap\ollama-tap.exe: give -Prefix' $false

# P8: no list of processes

$made = New-Fresh $false
$null = Save-Release $made 'exe 1.0.0 tray'
Assert-Done 'one whose icon cannot be closed' $made @{ Tray = $true }
Assert-Done 'is upgraded all the same' $made @{}

# -WhatIf, -Confirm

foreach ($given in @{}, $all, @{ Purge = $true }) {
    $made = if ($given.Purge) { New-Installed $false $all } else { New-Fresh $false }
    $before = Get-State $made
    Assert-Done "-WhatIf with $($given.Keys)" $made (@{ WhatIf = $true } + $given)
    Assert-Same 'does nothing' (Get-State $made) $before
    Assert-Same 'says nothing of its own' $made.Steps 0
}
$made = New-Fresh $false
Assert-Done '-Confirm:$false' $made @{ Confirm = $false }

# P6, P9, P11: the session of an `iex`

function Get-Session {
    $Version = 'mine'
    $Prefix = $From = $BaseUrl = $Service = $Version
    $names = { @(Get-ChildItem Function:).Name + @(Get-Variable -Scope 1).Name + $ErrorActionPreference + $ConfirmPreference | Sort-Object }
    $run = Get-Command -Name Invoke-Expression
    $before = $after = ''
    $before = "$(& $names)"
    & $run ([IO.File]::ReadAllText($script:installer))
    $after = "$(& $names)"
    if ($before -ne $after) { return "$before became $after" }
    "$Version $Prefix $From $BaseUrl $Service"
}
$made = New-Fresh $false
Use-Windows $made
try { $session = @(Get-Session)[-1] } finally { Reset-Windows }
Assert-Same 'an iex leaves nothing' $session 'mine mine mine mine mine'
Assert-That 'but what it installs' ([IO.File]::Exists($made.OwnExe))

# The PowerShell that runs this, which on some systems is a library that `dotnet` runs.
$shell = (Get-Process -Id $PID).Path
$first = @([Environment]::GetCommandLineArgs()[0] | Where-Object { (Split-Path -Leaf $shell) -like 'dotnet*' })

# What it says to these words, in lines that do not depend on a window's width; its standard input has these answers and ends.
function Invoke-Shell([string[]] $Words, [string[]] $Answers) {
    $ErrorActionPreference = 'Continue' # in 5.1, what a program says on stderr would be an error of ours
    $said = $Answers | & $shell @first -NoProfile -ExecutionPolicy Bypass @Words 2>&1 | ForEach-Object { "$_" }
    $said -join ' ' -replace "$([char] 27)\[[0-9;]*m", '' -replace '[\s|]+', ' ' # without colours
}

$env:OLLAMA_TAP_BASE_URL = 'ftp://a.example'
$text = "[IO.File]::ReadAllText('$($script:installer -replace "'", "''")')"
$said = Invoke-Shell @('-NonInteractive', '-Command', "$text | Invoke-Expression")
Assert-Like 'an error under iex' $said 'only https is taken'
Assert-That 'has nothing of the script around it' ($said -notlike '*throw*' -and $said -notlike '*Line 1*')
$null = Invoke-Shell @('-NonInteractive', '-File', $script:installer)
Assert-Same 'a file that fails has an exit code' $LASTEXITCODE 1
$env:OLLAMA_TAP_BASE_URL = $null
$restricted = "`$ExecutionContext.SessionState.LanguageMode = 'ConstrainedLanguage'; & '$($script:installer -replace "'", "''")'"
$said = Invoke-Shell @('-NonInteractive', '-Command', $restricted)
Assert-Like 'a restricted PowerShell is told so' $said 'a policy of this machine restricts PowerShell (ConstrainedLanguage)'
Assert-That 'and nothing else' ($said -notlike '*core types*')

# P13: commands that a Windows PowerShell does not find where a PowerShell 7 started it.
$tree = [Management.Automation.Language.Parser]::ParseFile($script:installer, [ref] $null, [ref] $null)
$called = $tree.FindAll({ param($node) $node -is [Management.Automation.Language.CommandAst] }, $true) | ForEach-Object { $_.GetCommandName() }
foreach ($name in 'Get-FileHash', 'Expand-Archive', 'Compress-Archive', 'New-Guid', 'New-TemporaryFile', 'Format-Hex', 'Import-PowerShellDataFile') {
    Assert-That "$name is not called" ($called -notcontains $name)
}

# P5: one question a step, of which each can be the one that ends it.
$made = New-Fresh $true
$child = Join-Path $PSScriptRoot 'asked.made.ps1'
$words = @('-File', $child, $script:installer, $made.Root, $env:OLLAMA_TAP_FROM)
$steps = 0
do {
    $said = Invoke-Shell $words (@(@('y') * $steps) + 'n')
    $asked = @($said -split '\[Y\] Yes').Count - 1
    if ($said -like '*RAN*') { break }
    $steps++
    Assert-Same "a no to question $steps comes after as many" $asked $steps
    Assert-Like 'and takes all back' $said 'AS BEFORE'
} while ($steps -lt 9)
Assert-Same 'an installation asks for each of its steps, and for nothing else' $steps 5
