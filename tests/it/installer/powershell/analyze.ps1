# PSScriptAnalyzer on install.ps1 and its tests, by the settings beside this file, which both PowerShells' syntax and commands are part of:
#   pwsh -NoProfile -File analyze.ps1 [SCRIPT...]
# Every script counts as one: passed without a finding. Where the module is missing, all are skipped, which is a failure.
param([Parameter(ValueFromRemainingArguments = $true)] [string[]] $Script = @())

$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot 'counting.ps1')
if (-not $Script) {
    $Script = @((Join-Path $PSScriptRoot '../../../../install.ps1')) + @(Get-ChildItem -LiteralPath $PSScriptRoot -Filter '*.ps1' | ForEach-Object { $_.FullName })
}
if (-not (Get-Module -ListAvailable -Name PSScriptAnalyzer)) {
    foreach ($file in $Script) { Skip-Claim "PSScriptAnalyzer is missing for $file" }
    return Complete-Count 'what PSScriptAnalyzer says'
}
foreach ($file in $Script) {
    $found = @(Invoke-ScriptAnalyzer -Path $file -Settings (Join-Path $PSScriptRoot 'PSScriptAnalyzerSettings.psd1'))
    $lines = $found | ForEach-Object { "$(Split-Path -Leaf $file):$($_.Line): $($_.RuleName): $($_.Message)" }
    Assert-Same $file ($lines -join "`n") ''
    $bytes = @([IO.File]::ReadAllBytes($file) | Where-Object { $_ -gt 0x7E -or ($_ -lt 0x20 -and $_ -ne 0x0A) })
    Assert-Same "$file is of printable ASCII, which both PowerShells read alike" $bytes.Count 0
}
Complete-Count 'what PSScriptAnalyzer says'
