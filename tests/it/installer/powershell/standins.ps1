# A Windows that is made up, for the real install.ps1 in any PowerShell on any system: a folder that has what the script knows of one, and
# aliases, which a PowerShell finds before functions and commands. Each change that the script asks for is a step: $made.FailsAt makes one
# throw; from $made.DiesAt on none happens, which leaves what a killed process leaves.
#
#   $made = New-Windows FOLDER; Use-Windows $made; & install.ps1 ...; Get-State $made

# What exists of this machine's own, by the name of the command that has a stand-in.
$global:real = @{}
$global:standing = @()
foreach ($name in 'New-Item', 'Copy-Item', 'Move-Item', 'Remove-Item', 'Set-Content') {
    $global:real[$name] = Get-Command -Name $name -CommandType Cmdlet
}

function New-Windows([string] $Root, [bool] $Admin = $false) {
    $made = @{
        Root = $Root; Admin = $Admin; Agrees = $true; Answer = 'y'; Service = $null; ServiceProgram = ''; Source = $false; Asker = ''; Models = $null; Icon = $false; App = $true
        Keys = @{ Machine = @{}; User = @{}; Run = @{}; Apps = $null }; Said = @(); Calls = @(); Steps = 0; FailsAt = 0; DiesAt = 0; Dies = $null; Failed = ''; BeforeElevated = $null; AfterElevated = $null; Path = 'C:\Windows'
        Locked = @()
    }
    foreach ($folder in 'Local', 'Files', 'Data', 'Startup', 'System') {
        $made[$folder] = Join-Path $Root $folder
        $null = [IO.Directory]::CreateDirectory($made[$folder])
    }
    $made.Keys.Machine.Path = @('C:\Windows;%X%\y', 'ExpandString')
    $made.Keys.User.Path = @('C:\Users\u\bin;', 'String')
    [IO.File]::WriteAllText((Join-Path $made.Startup 'Ollama.lnk'), 'a shortcut')
    $made.Exe = Join-Path (Join-Path $made.Files 'OllamaTap') 'ollama-tap.exe'
    $made.OwnExe = Join-Path $made.Local (Join-Path 'Programs' (Join-Path 'OllamaTap' 'ollama-tap.exe'))
    $made
}

function Use-Windows([hashtable] $Made) {
    $global:made = $Made
    $env:OS = 'Windows_NT'
    $env:PROCESSOR_ARCHITECTURE = 'AMD64'
    $env:PROCESSOR_ARCHITEW6432 = $null
    $env:LOCALAPPDATA = $Made.Local
    $env:ProgramFiles = $Made.Files
    $env:ProgramW6432 = $null
    $env:ProgramData = $Made.Data
    $env:SystemRoot = $Made.System
    $env:USERPROFILE = $Made.Root
    $env:OLLAMA_MODELS = $Made.Models
    $env:Path = $Made.Path
    $stands = @{
        'Test-Administrator' = 'Invoke-MadeAdministrator'; 'Open-PathKey' = 'Open-MadePathKey'; 'Open-RunKey' = 'Open-MadeRunKey'
        'Open-AppsKey' = 'Open-MadeAppsKey'; 'Get-OllamaLink' = 'Get-MadeLink'; 'Get-OllamaApp' = 'Get-MadeApp'
        'Stop-OllamaApp' = 'Stop-MadeApp'; 'Get-Service' = 'Get-MadeService'; 'Stop-Service' = 'Stop-MadeService'
        'Get-ServiceProgram' = 'Get-MadeServiceProgram'; 'Test-EventSource' = 'Test-MadeSource'; 'Remove-EventSource' = 'Remove-MadeSource'
        'Start-Process' = 'Start-MadeProcess'; 'Unblock-File' = 'Unblock-MadeFile'
        'Invoke-Program' = 'Invoke-MadeProgram'; 'Test-Tray' = 'Test-MadeTray'; 'Publish-Path' = 'Publish-MadePath'
        'Write-Host' = 'Write-MadeHost'; 'Read-Host' = 'Read-MadeHost'; 'Find-Ollama' = 'Find-MadeOllama'
        'New-Item' = 'New-MadeItem'; 'Copy-Item' = 'Copy-MadeItem'; 'Move-Item' = 'Move-MadeItem'; 'Remove-Item' = 'Remove-MadeItem'
        'Set-Content' = 'Set-MadeContent'
    }
    if ($global:standing) { return }
    foreach ($name in $stands.Keys) { Set-Alias -Scope Global -Name $name -Value $stands[$name] }
    $global:standing = @($stands.Keys)
}

# The aliases stay from run to run until then: to set and remove them takes longer than a run of the script.
function Reset-Windows {
    foreach ($name in $global:standing) { & $global:real['Remove-Item'] -LiteralPath "Alias:$name" -Force }
    $global:standing = @()
}

# A step of the run that is looked at.
function global:Add-MadeStep([string] $What) {
    $made = $global:made
    $made.Steps++
    if ($made.DiesAt -gt 0 -and $made.Steps -ge $made.DiesAt) {
        if ($made.Dies) { & $made.Dies }
        throw 'nothing runs any more' # nor does anything change, as after a kill
    }
    if ($made.Steps -eq $made.FailsAt) {
        $made.Failed = $What
        throw "the test has this fail: $What"
    }
}

# Files: the real commands, each call a step. Only an administrator writes to the folder of programs.

function global:Assert-MadeRight([string] $Path) {
    if (-not $global:made.Admin -and $Path.StartsWith($global:made.Files)) { throw "Access to the path '$Path' is denied." }
}

function global:New-MadeItem {
    param($ItemType, $Path, [switch] $Force)
    Add-MadeStep "making $Path"
    Assert-MadeRight $Path
    & $global:real['New-Item'] -ItemType $ItemType -Path $Path -Force:$Force -WhatIf:$false
}

function global:Copy-MadeItem {
    param($LiteralPath, $Destination)
    Add-MadeStep "copying $LiteralPath"
    Assert-MadeRight $Destination
    & $global:real['Copy-Item'] -LiteralPath $LiteralPath -Destination $Destination
}

function global:Move-MadeItem {
    param($LiteralPath, $Destination, [switch] $Force)
    Add-MadeStep "moving $LiteralPath"
    Assert-MadeRight $Destination
    & $global:real['Move-Item'] -LiteralPath $LiteralPath -Destination $Destination -Force:$Force
}

# A program that runs can be moved and not deleted.
function global:Remove-MadeItem {
    [CmdletBinding()]
    param([Parameter(ValueFromPipelineByPropertyName = $true)] [Alias('FullName', 'PSPath')] [string] $LiteralPath, [switch] $Recurse, [switch] $Force)
    process {
        $path = $LiteralPath -replace '^.*::', ''
        if (-not [IO.File]::Exists($path) -and -not [IO.Directory]::Exists($path)) { return Write-Error "there is no $path" }
        Add-MadeStep "removing $path"
        if ([IO.File]::Exists($path) -and $path -like '*.exe*' -and [IO.File]::ReadAllText($path) -like '*running*') { return Write-Error "$path is in use" }
        foreach ($held in $global:made.Locked) { if ($path -like $held) { return Write-Error "$path is in use" } }
        & $global:real['Remove-Item'] -LiteralPath $path -Recurse:$Recurse -Force:$Force
    }
}

function global:Set-MadeContent {
    param($LiteralPath, $Value, $Encoding)
    Add-MadeStep "writing $LiteralPath"
    & $global:real['Set-Content'] -LiteralPath $LiteralPath -Value $Value -Encoding $Encoding
}

# Registry: a table of values, each with its kind.

function global:New-MadeKey([hashtable] $Values, [string] $Name) {
    $key = New-Object PSObject -Property @{ Values = $Values; Name = $Name }
    Add-Member -InputObject $key ScriptMethod Dispose { }
    Add-Member -InputObject $key ScriptMethod GetValue { if ($this.Values.ContainsKey($args[0])) { $this.Values[$args[0]][0] } else { $args[1] } }
    Add-Member -InputObject $key ScriptMethod GetValueNames { @($this.Values.Keys) }
    Add-Member -InputObject $key ScriptMethod GetValueKind { $this.Values[$args[0]][1] }
    Add-Member -InputObject $key ScriptMethod SetValue { Add-MadeStep "setting $($this.Name)"; $this.Values[$args[0]] = @($args[1], "$($args[2])") }
    Add-Member -InputObject $key ScriptMethod DeleteValue { Add-MadeStep "clearing $($this.Name)"; $this.Values.Remove($args[0]) }
    $key
}

function global:Open-MadePathKey([bool] $Writable) {
    $place = if ($setup.Machine) { 'Machine' } else { 'User' }
    if ($Writable -and $place -eq 'Machine' -and -not $global:made.Admin) { throw 'Requested registry access is not allowed.' }
    New-MadeKey $global:made.Keys[$place] "PATH of $place"
}

function global:Open-MadeRunKey { New-MadeKey $global:made.Keys.Run 'start at login' }

function global:Open-MadeAppsKey {
    $key = New-Object PSObject
    Add-Member -InputObject $key ScriptMethod Dispose { }
    Add-Member -InputObject $key ScriptMethod CreateSubKey { $global:made.Keys.Apps = @{}; New-MadeKey $global:made.Keys.Apps 'Settings > Apps' }
    Add-Member -InputObject $key ScriptMethod OpenSubKey { if ($global:made.Keys.Apps) { New-MadeKey $global:made.Keys.Apps 'Settings > Apps' } }
    Add-Member -InputObject $key ScriptMethod DeleteSubKeyTree { Add-MadeStep 'removing from Settings > Apps'; $global:made.Keys.Apps = $null }
    $key
}

# The rest of the machine

function global:Invoke-MadeAdministrator { $global:made.Admin }
function global:Get-MadeLink { Join-Path $global:made.Startup 'Ollama.lnk' }
function global:Get-MadeApp { if ($global:made.App) { New-Object PSObject -Property @{ Path = 'C:\ollama app.exe' } } }
function global:Stop-MadeApp { Add-MadeStep 'stopping the app'; $global:made.App = $false }
function global:Get-MadeService { if ($global:made.Service) { New-Object PSObject -Property @{ Status = $global:made.Service } } }
function global:Stop-MadeService { Add-MadeStep 'stopping the service by Windows'; $global:made.Service = 'Stopped' }
function global:Get-MadeServiceProgram { $global:made.ServiceProgram }
function global:Test-MadeSource { $global:made.Source }
function global:Remove-MadeSource { Add-MadeStep 'removing the source of events'; $global:made.Source = $false }
function global:Unblock-MadeFile { Add-MadeStep 'unblocking' }
function global:Test-MadeTray { $global:made.Icon }
function global:Publish-MadePath { Add-MadeStep 'telling of the PATH' }
function global:Find-MadeOllama { 'C:\Users\u\ollama.exe' }
function global:Write-MadeHost($Text) { $global:made.Said += "$Text" }
function global:Read-MadeHost($Question) { if ($global:made.Answer) { $global:made.Answer } else { throw 'nobody is there to ask' } }

# An executable is a text: `exe VERSION`, then the words that it fails at, and `running` where it cannot be deleted.
function global:Invoke-MadeProgram([string] $Path, [string[]] $Words) {
    Add-MadeStep "$(Split-Path -Leaf $Path) $Words"
    $made = $global:made
    $made.Calls += "$Words"
    if ($Path -like '*sc.exe') { $made.Service = $null; return @{ Code = 0; Lines = @() } }
    $text = [IO.File]::ReadAllText($Path)
    if ($text -notlike 'exe *') { throw "$Path is no program" }
    $kind, $version, $flaws = $text.Trim() -split ' '
    $failed = @($Words | Where-Object { $flaws -contains $_ }).Count -gt 0
    if ($failed) { return @{ Code = 1; Lines = @("ollama-tap: it fails at $Words") } }
    if ($Words[0] -eq '--version') { return @{ Code = 0; Lines = @("ollama-tap $version") } }
    if ($Words[0] -eq 'tray') { $made.Icon = $false; return @{ Code = 0; Lines = @() } }
    if ($Words -contains '--help') { return @{ Code = 0; Lines = @($(if ($flaws -contains 'keeps') { '--keep' })) } }
    if (-not $made.Admin) { return @{ Code = 1; Lines = @('ollama-tap: it needs an administrator') } }
    switch ($Words[1]) {
        'install' {
            $made.Asker = "$env:USERPROFILE $env:OLLAMA_MODELS"
            if ($Words -notcontains '--keep') { $made.Service = 'Running' }
            $made.ServiceProgram = $Path
            $made.Source = $true
        }
        'start' { $made.Service = 'Running' }
        'stop' { $made.Service = 'Stopped' }
        'uninstall' { $made.Service = $null; $made.Source = $false }
    }
    @{ Code = 0; Lines = @("ollama-tap: service $($Words[1])") }
}

# An elevated process runs the command line that it was given, here; it has the variables of another user, who is the administrator.
function global:Start-MadeProcess {
    param($FilePath, $ArgumentList, $Verb, $WindowStyle, [switch] $PassThru)
    $made = $global:made
    Add-MadeStep "starting $FilePath"
    if ($Verb -ne 'RunAs') {
        if ("$ArgumentList" -eq 'tray') { $made.Icon = $true } else { $made.App = $true }
        return
    }
    if (-not $made.Agrees) { throw 'The operation was canceled by the user.' }
    $made.Elevated = "$ArgumentList"
    if ($made.BeforeElevated) { $null = & $made.BeforeElevated }
    $null = "$ArgumentList" -match '-Command "(.*)"$'
    $command = $Matches[1] -replace '\bexit (\d)', 'return $1'
    $made.Admin = $true
    $asker = $env:USERPROFILE, $env:OLLAMA_MODELS
    $env:USERPROFILE, $env:OLLAMA_MODELS = 'C:\Users\admin', 'C:\Users\admin\models'
    $code = 1 # of what ends before it has an exit code of its own
    try {
        $code = @(& ([scriptblock]::Create($command)) | Where-Object { $_ -is [int] }) | Select-Object -Last 1
    } finally {
        $made.Admin = $false
        $env:USERPROFILE, $env:OLLAMA_MODELS = $asker
        if ($made.AfterElevated) { $null = & $made.AfterElevated }
    }
    $process = New-Object PSObject -Property @{ Handle = 1; HasExited = $true; ExitCode = [int] $code }
    Add-Member -InputObject $process ScriptMethod WaitForExit { }
    $process
}

# All that a failed run must leave as it was, as text; the install log and its folder stay.
function Get-State([hashtable] $Made) {
    $lines = foreach ($path in [IO.Directory]::GetFileSystemEntries($Made.Root, '*', 'AllDirectories') | Sort-Object) {
        $name = $path.Substring($Made.Root.Length + 1) -replace '\\', '/'
        if ($name -eq 'Local/OllamaTap' -or $name -eq 'Local/OllamaTap/install.log') { continue }
        if ([IO.Directory]::Exists($path)) { "$name/"; continue }
        $text = [IO.File]::ReadAllText($path)
        "${name}: $($text.Length) $($text.Substring(0, [Math]::Min(30, $text.Length)))"
    }
    $values = foreach ($place in 'Machine', 'User', 'Run', 'Apps') {
        if ($Made.Keys[$place]) { foreach ($name in $Made.Keys[$place].Keys | Sort-Object) { "$place ${name}: $($Made.Keys[$place][$name] -join ' ')" } }
    }
    @($lines) + @($values) + "service: $($Made.Service)" + "source of events: $($Made.Source)" + "icon: $($Made.Icon)" + "app: $($Made.App)" + "path: $($Made.Path)" -join "`n"
}

# A release's zip, whose executable has this text.
function Save-Zip([string] $Path, [string] $Text) {
    Add-Type -AssemblyName System.IO.Compression, System.IO.Compression.FileSystem
    if ([IO.File]::Exists($Path)) { [IO.File]::Delete($Path) }
    $zip = [IO.Compression.ZipFile]::Open($Path, 'Create')
    $writer = New-Object IO.StreamWriter $zip.CreateEntry('ollama-tap-1.0.0/ollama-tap.exe').Open()
    $writer.Write($Text)
    $writer.Dispose()
    $zip.Dispose()
}
