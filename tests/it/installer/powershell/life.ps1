# The whole life of an installation, on a real Windows whose administrator runs this and which has no Ollama Tap:
#   powershell -NoProfile -ExecutionPolicy Bypass -File life.ps1 DIST\ollama-tap-VERSION-x86_64-pc-windows-msvc.zip
# The workflows run it in both PowerShells. It ends with an error where something is not as it should be.
param([string] $Archive)

$ErrorActionPreference = 'Stop'
$installer = Join-Path $PSScriptRoot '..\..\..\..\install.ps1'
$directory = Join-Path $env:ProgramFiles 'OllamaTap'
$exe = Join-Path $directory 'ollama-tap.exe'
$state = Join-Path $env:LOCALAPPDATA 'OllamaTap'

. (Join-Path $PSScriptRoot 'counting.ps1')

function Get-MachinePath {
    $key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SYSTEM\CurrentControlSet\Control\Session Manager\Environment')
    $key.GetValue('Path', '', [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames)
}

function Test-Runs { (Test-Path -LiteralPath $exe) -and ((& $exe --version) -like 'ollama-tap *') }

$path = Get-MachinePath

& $installer -From $Archive -WhatIf
Assert-That '-WhatIf does nothing' (-not (Test-Path -LiteralPath $directory) -and -not (Test-Path -LiteralPath $state) -and (Get-MachinePath) -eq $path)

& $installer -From $Archive
Assert-That 'it is installed, and runs' (Test-Runs)
Assert-That 'PATH has it' (@((Get-MachinePath) -split ';' -eq $directory).Count -eq 1)
Assert-That 'nothing else is there' (@(Get-ChildItem -LiteralPath $directory).Count -eq 1)

$running = Start-Process -FilePath $exe -ArgumentList 'demo --listen 127.0.0.1:0' -WindowStyle Hidden -PassThru
& $installer -From $Archive
Assert-That 'one that runs is replaced, and goes on' ((Test-Runs) -and -not $running.HasExited)
Assert-That 'PATH has it once' (@((Get-MachinePath) -split ';' -eq $directory).Count -eq 1)
& $installer -From $Archive
Assert-That 'and once more, in the same window' ((Test-Runs) -and -not $running.HasExited)
Stop-Process -Id $running.Id -Force
$running.WaitForExit()

$failure = 'nothing'
try { & $installer -From $PSCommandPath } catch { $failure = "$_" }
Assert-That 'what does not run is not installed' ($failure -like '*does not run on this machine*')
Assert-That 'and the old one is still there' (Test-Runs)

$env:OLLAMA_TAP_FROM = $Archive
[IO.File]::ReadAllText($installer) | Invoke-Expression
$env:OLLAMA_TAP_FROM = $null
Assert-That 'it comes through iex as well' ((Test-Runs) -and @(Get-ChildItem -LiteralPath $directory).Count -eq 1)

& $installer -Purge
Assert-That 'removed, nothing is left' (-not (Test-Path -LiteralPath $directory) -and -not (Test-Path -LiteralPath $state) -and (Get-MachinePath) -eq $path)
Complete-Count 'the life of an installation'
