# Every PowerShell command of packaging/windows/README.md as it is written there, from its first to its last, with the address of the
# release replaced by the site's. One marked `windows only` is read alone, where this is no real Windows. Read by whole.ps1.

function Test-Ollama { try { (Invoke-RestMethod -Uri 'http://127.0.0.1:11434/test' -TimeoutSec 5).ollama_reachable } catch { $false } }

$guide = [IO.File]::ReadAllText((Join-Path $script:root 'packaging\windows\README.md'))
$isWine = Test-Path -LiteralPath 'HKLM:\Software\Wine'
$run = 'HKCU:\Software\Microsoft\Windows\CurrentVersion\Run'
$ran = $read = 0
Copy-Item -LiteralPath $installer -Destination $folder
# Wine's PowerShell finds no program without its path.
Set-Alias -Scope Global -Name powershell -Value "$env:SystemRoot\System32\WindowsPowerShell\v1.0\powershell.exe"
Set-Location $folder
foreach ($found in [regex]::Matches($guide, '(<!-- windows only: [^>]+ -->\s*)?```powershell\r?\n([^`]*)```')) {
    $words = $found.Groups[2].Value.Trim().Replace('https://github.com/ollama-tap/ollama-tap/releases/latest/download', $Address)
    $errors = $null
    $null = [Management.Automation.Language.Parser]::ParseInput($words, [ref] $null, [ref] $errors)
    Assert-Same "the guide's: $words" $errors.Count 0
    if ($found.Groups[1].Success -and $isWine) {
        $read++
        continue
    }
    if ($words -like '*127.0.0.1:11434*') { Wait-For 'Ollama answers behind the tap' { Test-Ollama } }
    Assert-Same "the guide's, run: $words" (Invoke-Words $words) ''
    if ($words -like '*-Tray*') { Assert-Like 'the icon starts at login' (Get-ItemProperty -LiteralPath $run).OllamaTap "`"$tap`" tray" }
    $ran++
}
Write-Output "commands of the guide: $ran were run, $read are for a real Windows alone and were read" | Out-Host
Wait-For 'the last one leaves no service' { Test-Gone }
Assert-Same 'nor an icon' (Get-Item -LiteralPath $run).GetValue('OllamaTap') ''
Assert-Same 'purged' (Invoke-Words "& '$installer' -Purge") ''
