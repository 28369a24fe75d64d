# What install.ps1 promises, tried on a Windows that is made up, by the real script in the PowerShell that runs this:
#   pwsh -NoProfile -File promises.ps1 [SCRIPT [PART]]
# OLLAMA_TAP_TEST_LONG=1 kills a run at every step in every way, else each step once.
param([string] $Script = (Join-Path $PSScriptRoot '../../../../install.ps1'), [string] $Only = '')

$ErrorActionPreference = 'Stop'
$script:installer = (Resolve-Path -LiteralPath $Script).Path
$script:folder = Join-Path ([IO.Path]::GetTempPath()) "ollama-tap-promises-$PID"
$script:number = 0
$null = [IO.Directory]::CreateDirectory($script:folder)
. (Join-Path $PSScriptRoot 'counting.ps1')
. (Join-Path $PSScriptRoot 'standins.ps1')

# Of a drive that it mounted by itself, PowerShell asks at every path whether its disk is there yet, and reads all mounts for that.
$root = Get-PSDrive -Name '/' -ErrorAction SilentlyContinue
$isAsked = [Management.Automation.PSDriveInfo].GetProperty('IsAutoMounted', [Reflection.BindingFlags] 'NonPublic,Instance')
if ($root -and $isAsked) { $isAsked.SetValue($root, $false) }

# A machine with Ollama's app and nothing of ours, and what the script is given there; then what it said.

# A few machines to a folder: for each path that a command of PowerShell's is given, it lists every folder on the way.
function Get-NewRoot {
    $script:number++
    [IO.Path]::Combine($script:folder, [string] [Math]::Floor($script:number / 20), [string] $script:number)
}

function New-Fresh([bool] $Admin) {
    $made = New-Windows (Get-NewRoot) $Admin
    Use-Windows $made
    $env:OLLAMA_TAP_FROM = Save-Release $made 'exe 1.0.0'
    $made
}

# Publishes a release, whose executable is this text.
function Save-Release([hashtable] $Made, [string] $Text) {
    $script:number++
    $zip = Join-Path $script:folder "release-$($script:number).zip"
    Save-Zip $zip $Text
    $env:OLLAMA_TAP_FROM = $zip
    $zip
}

# What it fails with; nothing where it does not.
function Invoke-Installer([hashtable] $Made, [hashtable] $Given) {
    Use-Windows $Made
    $Made.Said = @()
    $Made.Calls = @()
    try { $null = & $script:installer @Given } catch { return "$_" } finally { $Made.Path = $env:Path }
    ''
}

function Assert-Done([string] $Claim, [hashtable] $Made, [hashtable] $Given) { Assert-Same $Claim (Invoke-Installer $Made $Given) '' }

# One that was installed so; the next release is published.
function New-Installed([bool] $Admin, [hashtable] $Given, [string] $Next = 'exe 1.1.0') {
    $made = New-Fresh $Admin
    Assert-Done 'a first installation' $made $Given
    $null = Save-Release $made $Next
    $made.Steps = 0
    $made
}

# A copy of a machine, its files with it: the steps before the one that is looked at are taken once.
function Copy-Windows([hashtable] $Made) {
    $root = Get-NewRoot
    Copy-Folder $Made.Root $root
    $copy = $Made.Clone()
    $copy.Keys = @{}
    foreach ($place in $Made.Keys.Keys) { $copy.Keys[$place] = if ($null -ne $Made.Keys[$place]) { Copy-Values $Made.Keys[$place] $Made.Root $root } }
    foreach ($name in 'Root', 'Local', 'Files', 'Data', 'Startup', 'System', 'Exe', 'OwnExe', 'ServiceProgram', 'Path') {
        $copy[$name] = $Made[$name].Replace($Made.Root, $root)
    }
    $copy.Steps = 0
    $copy
}

# By .NET's own calls, as Get-State: a command of PowerShell's asks for every mounted disk each time.
function Copy-Folder([string] $From, [string] $To) {
    $null = [IO.Directory]::CreateDirectory($To)
    foreach ($file in [IO.Directory]::GetFiles($From)) { [IO.File]::Copy($file, [IO.Path]::Combine($To, [IO.Path]::GetFileName($file))) }
    foreach ($inner in [IO.Directory]::GetDirectories($From)) { Copy-Folder $inner ([IO.Path]::Combine($To, [IO.Path]::GetFileName($inner))) }
}

function Copy-Values([hashtable] $Values, [string] $From, [string] $To) {
    $copy = @{}
    foreach ($name in $Values.Keys) { $copy[$name] = @("$($Values[$name][0])".Replace($From, $To), $Values[$name][1]) }
    $copy
}

# The same for machines of other folders.
function Get-PlainState([hashtable] $Made) { (Get-State $Made).Replace($Made.Root, 'ROOT') }

# There is never a service without its executable, but for one that was so.
function Assert-Whole([string] $Claim, [hashtable] $Made) {
    if ($Made.Service -and $Made.ServiceProgram) { Assert-That "${Claim}: the service has its executable" ([IO.File]::Exists($Made.ServiceProgram)) }
}

# Each step of a run in turn, until one is not reached. `$Check` gets the machine, the failure and the claim.
function Invoke-EachStep([string] $Name, [hashtable] $Machine, [hashtable] $Given, [scriptblock] $Check) {
    $whole = Copy-Windows $Machine
    Assert-Done "$Name without a failure" $whole $Given
    $steps = $whole.Steps
    $goal = Get-PlainState $whole
    $before = Get-PlainState $Machine
    for ($number = 1; $number -le $steps; $number++) {
        $made = Copy-Windows $Machine
        $made.FailsAt = $number
        $failure = Invoke-Installer $made $Given
        $claim = "$Name, while step $number fails ($($made.Failed.Replace($made.Root, '')))"
        & $Check $made $failure $claim $before $goal $Given
    }
    Assert-That "$Name has steps" ($steps -gt 3)
}

try {
    foreach ($part in 'life.made.ps1', 'steps.made.ps1', 'refused.made.ps1', 'killed.made.ps1', 'faults.made.ps1' | Where-Object { $_ -like "$Only*" }) {
        . (Join-Path $PSScriptRoot $part)
    }
} finally {
    Reset-Windows
    if ([IO.Directory]::Exists($script:folder)) { [IO.Directory]::Delete($script:folder, $true) }
}
Complete-Count 'what install.ps1 promises'
