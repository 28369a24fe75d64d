# What the tests count, and say at the end: N passed, N failed, N skipped.

$global:counted = @{ Passed = 0; Failed = 0; Skipped = 0 }

function Assert-Same([string] $Claim, $Found, $Wanted) {
    if ("$Found" -ceq "$Wanted") {
        $global:counted.Passed++
        return
    }
    $global:counted.Failed++
    Write-Output "FAILED: ${Claim}: found '$Found', wanted '$Wanted'" | Out-Host
}

function Assert-Like([string] $Claim, $Found, [string] $Wanted) {
    if ("$Found" -like "*$Wanted*") { Assert-Same $Claim $true $true } else { Assert-Same $Claim $Found "*$Wanted*" }
}

function Assert-That([string] $Claim, [bool] $Holds) { Assert-Same $Claim $Holds $true }

function Assert-Throws([string] $Claim, [scriptblock] $Do, [string] $Wanted) {
    $said = 'nothing'
    try { $null = & $Do } catch { $said = "$_" }
    Assert-Like $Claim $said $Wanted
}

function Skip-Claim([string] $Why) {
    $global:counted.Skipped++
    Write-Output "SKIPPED: $Why" | Out-Host
}

# Ends the tests, with an error where one failed or none ran.
function Complete-Count([string] $What) {
    $count = $global:counted
    $line = "${What}: $($count.Passed) passed, $($count.Failed) failed, $($count.Skipped) skipped in PowerShell $($PSVersionTable.PSVersion)"
    Write-Output $line | Out-Host
    if ($count.Failed -gt 0 -or $count.Passed -eq 0) { throw $line }
}
