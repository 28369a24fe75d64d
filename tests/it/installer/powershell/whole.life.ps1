# By file, by iex, as a service, by an elevated part, and away again. Read by whole.ps1.

# By file

Assert-Same 'by file' (Invoke-Words "& '$installer' -From '$old'") ''
Assert-That 'it is installed for the machine, and runs' ("$(& $tap --version)" -like 'ollama-tap *')
Assert-Same 'its folder has it alone' (Get-ChildItem -LiteralPath $prefix).Name 'ollama-tap.exe'
Assert-That 'PATH has it' (@((Get-MachinePath) -split ';' -eq $prefix).Count -eq 1)
$entry = 'HKCU:\Software\Microsoft\Windows\CurrentVersion\Uninstall\OllamaTap'
Assert-Like 'Settings > Apps removes it' (Get-ItemProperty -LiteralPath $entry).UninstallString "-File `"$state\install.ps1`" -Uninstall -Prefix `"$prefix`" -Service"

# Over itself while it runs, twice

$running = Start-Process -FilePath $tap -ArgumentList 'demo --listen 127.0.0.1:0' -PassThru
foreach ($turn in 1, 2) { Assert-Same "an upgrade while it runs, $turn" (Invoke-Words "& '$installer' -From '$new'") '' }
Assert-That 'what runs goes on' (-not $running.HasExited)
Stop-Process -Id $running.Id -Force
$null = $running.WaitForExit(10000)

# By iex from a site with sums

Assert-Same 'by iex' (Invoke-Words "irm $Address/install.ps1 | iex") ''
Assert-Same 'what was left while it ran is gone' (Get-ChildItem -LiteralPath $prefix).Name 'ollama-tap.exe'
Assert-Same 'purged' (Invoke-Words "& '$installer' -Purge") ''
Wait-For 'nothing is left' { Test-Gone }
Assert-That 'nor the log and the copy of the script' (-not (Test-Path -LiteralPath $state))

# As a service

Assert-Same 'a service' (Invoke-Words "& '$installer' -From '$old' -Service") ''
Wait-For 'it answers' { Test-Answers }
Assert-Like 'it is a source of events' (Get-ItemProperty -LiteralPath $source).EventMessageFile '\System32\EventCreate.exe'
Assert-Same 'an upgrade of it' (Invoke-Words "& '$installer' -From '$new'") ''
Assert-Same 'it runs again' (Get-Service -Name OllamaTap).Status 'Running'
Wait-For 'and answers again' { Test-Answers }
Assert-Same 'a release that does not run' ((Invoke-Words "& '$installer' -From '$PSCommandPath'") -like '*does not run on this machine*') $true
Wait-For 'leaves it as it was' { Test-Answers }

# P2: its executable is gone

foreach ($way in 'installed again', 'removed', 'purged') {
    & $tap service stop | Out-Host
    Remove-Item -LiteralPath $tap -Force
    $words = @{ 'installed again' = "-From '$new'"; 'removed' = '-Uninstall'; 'purged' = '-Purge' }[$way]
    Assert-Same "without its executable it is $way" (Invoke-Words "& '$installer' $words") ''
    if ($way -ne 'installed again') { Wait-For "${way}: the service is gone" { Test-Gone } }
    if ($way -eq 'removed') { Assert-Same 'and comes back' (Invoke-Words "& '$installer' -From '$new' -Service") '' }
    if ($way -ne 'purged') { Wait-For 'it answers' { Test-Answers } }
}
Assert-That 'purged, its history is gone' (-not (Test-Path -LiteralPath $data))

# By an elevated part, which is a process of its own: whoever asks is no administrator here

function global:Test-NoAdministrator { $false }
Set-Alias -Scope Global -Name Test-Administrator -Value Test-NoAdministrator
$app = Join-Path $env:USERPROFILE 'AppData\Local\Ollama'
$null = [IO.Directory]::CreateDirectory($app)
Copy-Item -LiteralPath (Join-Path $Served 'app.sqlite') -Destination (Join-Path $app 'db.sqlite')
$null = [IO.Directory]::CreateDirectory('C:\models of the app')
$elevated = [IO.File]::ReadAllText($installer)
Assert-Same 'elevated, by file' (Invoke-Words "& '$installer' -From '$new' -Service") ''
Wait-For 'it answers' { Test-Answers }
Assert-Like 'it has the models of Ollama''s app' ([IO.File]::ReadAllText((Join-Path $data 'ollama-tap.env'))) 'OLLAMA_MODELS=C:\models of the app'
[IO.Directory]::Delete($app, $true)
Remove-Item -LiteralPath Alias:\Test-Administrator -Force
Assert-Same 'away' (Invoke-Words "& ([scriptblock]::Create(`$elevated)) -Purge") ''
Wait-For 'nothing is left at the end' { Test-Gone }

# TerminateProcess at each step of the service, and the next run

foreach ($word in 'stop', 'start', 'uninstall') {
    Assert-Same "before a kill at service $word" (Invoke-Words "& '$installer' -From '$new' -Service") ''
    $kill = "function global:Stop-Here([string] `$Path, [string[]] `$Words) { if (`$Words[1] -eq '$word') { [Diagnostics.Process]::GetCurrentProcess().Kill() }; " +
        "@{ Lines = @(& `$Path `$Words); Code = `$LASTEXITCODE } }; Set-Alias -Scope Global Invoke-Program Stop-Here; & '$installer' " +
        $(if ($word -eq 'uninstall') { '-Uninstall' } else { "-From '$new'" })
    & "$env:SystemRoot\System32\WindowsPowerShell\v1.0\powershell.exe" -NoProfile -ExecutionPolicy Bypass -Command $kill | Out-Host
    Assert-Same "after a kill at service $word" (Invoke-Words "& '$installer' -From '$new'") ''
    Wait-For 'it answers' { Test-Answers }
    Assert-Same 'its folder has it alone again' (Get-ChildItem -LiteralPath $prefix).Name 'ollama-tap.exe'
    Assert-Same 'purged' (Invoke-Words "& '$installer' -Purge") ''
    Wait-For 'nothing of it is left' { Test-Gone }
}
