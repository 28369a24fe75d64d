# An installation with -Confirm on a machine that is made up, whose answers come from the standard input: a process of its own, since a
# test cannot answer for itself. Started by refused.made.ps1.
param([string] $Script, [string] $Root, [string] $From)

$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot 'standins.ps1')
$made = New-Windows $Root $true
Use-Windows $made
$before = Get-State $made
try {
    & $Script -From $From -Confirm
    Write-Output 'RAN'
} catch {
    Reset-Windows
    Write-Output "$_"
    if ((Get-State $made) -eq $before) { Write-Output 'AS BEFORE' } else { Write-Output "$before became $(Get-State $made)" }
}
