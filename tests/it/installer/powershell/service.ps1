# The service, the administrator's part and the icon on a real Windows, whose administrator runs this and which has no Ollama Tap:
#   powershell -NoProfile -ExecutionPolicy Bypass -File service.ps1 DIST\ollama-tap-VERSION-x86_64-pc-windows-msvc.zip
# The release workflow runs it. It ends with an error where something is not as it should be.
param([string] $Archive)

$ErrorActionPreference = 'Stop'
$installer = Join-Path $PSScriptRoot '..\..\..\..\install.ps1'
$exe = Join-Path $env:ProgramFiles 'OllamaTap\ollama-tap.exe'
$upstream = 'http://127.0.0.1:11500'
$patience = 120 # seconds; a service that ended may rest before it is started again

. (Join-Path $PSScriptRoot 'counting.ps1')

function Wait-For([string] $Claim, [scriptblock] $Holds) {
    $deadline = (Get-Date).AddSeconds($patience)
    do {
        if (& $Holds) { return Assert-That $Claim $true }
        Start-Sleep -Milliseconds 200
    } until ((Get-Date) -gt $deadline)
    Assert-That $Claim $false
}

function Test-Answers { try { [bool] (Invoke-RestMethod -Uri 'http://127.0.0.1:11434/healthz' -TimeoutSec 5).ollama_tap } catch { $false } }

function Get-ServiceProcess { (Get-CimInstance -ClassName Win32_Service -Filter "Name = 'OllamaTap'").ProcessId }

function Test-TrayRuns { [bool] (Get-CimInstance -ClassName Win32_Process -Filter "Name = 'ollama-tap.exe'" | Where-Object { $_.CommandLine -like '* tray*' }) }

# Who asks is no administrator for the script, and the prompt is agreed to at once: its part is another process, as it is for people.
function Test-NoAdministrator { $false }

function Start-Agreed([string] $Arguments) {
    $process = Start-Process -FilePath "$env:SystemRoot\System32\WindowsPowerShell\v1.0\powershell.exe" -ArgumentList $Arguments -PassThru
    $null = $process.Handle
    $process
}

function Get-Events([int] $Id) { @(Get-WinEvent -FilterHashtable @{ LogName = 'Application'; ProviderName = 'OllamaTap'; Id = $Id } -ErrorAction SilentlyContinue) }

& $installer -From $Archive
$demo = Start-Process -FilePath $exe -ArgumentList 'demo --listen 127.0.0.1:11500' -WindowStyle Hidden -PassThru

& $exe service install --upstream $upstream --listen 127.0.0.1:11434
Assert-Same 'the service is installed' $LASTEXITCODE 0
Wait-For 'and answers where Ollama does' { Test-Answers }
Assert-Same 'it starts with Windows' (Get-Service -Name OllamaTap).StartType 'Automatic'
$delayed = Get-ItemProperty -Path 'HKLM:\SYSTEM\CurrentControlSet\Services\OllamaTap' -Name DelayedAutoStart -ErrorAction SilentlyContinue
Assert-That 'at once' (-not $delayed -or $delayed.DelayedAutoStart -eq 0)
Assert-Same 'as an account of its own' (Get-CimInstance -ClassName Win32_Service -Filter "Name = 'OllamaTap'").StartName 'NT SERVICE\OllamaTap'
$models = Invoke-RestMethod -Uri 'http://127.0.0.1:11434/api/tags' -TimeoutSec 30
Assert-That 'what it forwards to is the demo' (@($models.models.name) -like 'demo-*').Count
Wait-For 'the event log has its start' { Get-Events 1 }
Assert-Like 'in its own words alone' (Get-Events 1)[0].Message 'Ollama Tap runs; its log is'

$killed = Get-ServiceProcess
Stop-Process -Id $killed -Force
Wait-For 'killed, it comes back' { $now = Get-ServiceProcess; $now -and $now -ne $killed -and (Test-Answers) }

Set-Alias -Scope Global -Name Test-Administrator -Value Test-NoAdministrator
Set-Alias -Scope Global -Name Start-Elevated -Value Start-Agreed
try { & $installer -From $Archive -Service } finally { Remove-Item -LiteralPath Alias:Test-Administrator, Alias:Start-Elevated }
Wait-For 'upgraded by the administrator''s part, it answers' { Test-Answers }
Assert-Like 'and its end was an event' (Get-Events 2)[0].Message 'Ollama Tap has ended'
$settings = Get-Content -LiteralPath (Join-Path $env:ProgramData 'OllamaTap\ollama-tap.env') -Raw
Assert-Like 'and still forwards to the demo' $settings $upstream

Start-Process -FilePath $exe -ArgumentList 'tray' -WindowStyle Hidden
Wait-For 'the icon is there' { Test-TrayRuns }
& $exe tray --stop
Wait-For 'and can be ended' { -not (Test-TrayRuns) }

Stop-Process -Id $demo.Id -Force
$demo.WaitForExit()
& $installer -Purge
Assert-That 'removed, there is no service' (-not (Get-Service -Name OllamaTap -ErrorAction SilentlyContinue))
Assert-That 'and no executable' (-not (Test-Path -LiteralPath $exe))
Assert-That 'nor a source of events' (-not (Test-Path -LiteralPath 'HKLM:\SYSTEM\CurrentControlSet\Services\EventLog\Application\OllamaTap'))
Complete-Count 'the service on Windows'
