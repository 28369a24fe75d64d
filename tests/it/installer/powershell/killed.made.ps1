# A run that is killed at each of its steps, and a run of some kind after it: each point with one kind, in turn, or with every kind
# (OLLAMA_TAP_TEST_LONG=1). Nothing of the killed one is taken back. A sample is killed for good. Read by promises.ps1.

$all = @{ Service = $true; Tray = $true; StopApp = $true }
$isLong = $env:OLLAMA_TAP_TEST_LONG -eq '1'
$following = @($all, @{ Purge = $true }, @{ Uninstall = $true; Service = $true })

# What does not count: the window's own PATH, an icon whose executable is gone, directories that others use too.
function Get-Outcome([hashtable] $Made) { ((Get-PlainState $Made) -split "`n" | Where-Object { $_ -notmatch '^(path|icon):|^(Local/Programs|Data/OllamaTap)/$' }) -join "`n" }

function Get-Goal([hashtable] $Machine, [hashtable] $Given) {
    $made = Copy-Windows $Machine
    Assert-Done "$($Given.Keys) without a kill" $made $Given
    Get-Outcome $made
}

function Assert-Follows([string] $Claim, [hashtable] $Made, [int] $Number, [string[]] $Goals) {
    $killed = Copy-Windows $Made
    for ($kind = 0; $kind -lt $following.Count; $kind++) {
        if (-not $isLong -and $Number % $following.Count -ne $kind) { continue }
        $next = Copy-Windows $killed
        $next.DiesAt = 0
        Assert-Done "$Claim, then $($following[$kind].Keys)" $next $following[$kind]
        Assert-Same "$Claim, after $($following[$kind].Keys)" (Get-Outcome $next) $Goals[$kind]
        Assert-Whole $Claim $next
    }
}

function Test-Kills([string] $Name, [hashtable] $Machine, [hashtable] $Given) {
    $whole = Copy-Windows $Machine
    Assert-Done "$Name without a kill" $whole $Given
    $goals = $following | ForEach-Object { Get-Goal $whole $_ }
    for ($number = 1; $number -le $whole.Steps; $number++) {
        $made = Copy-Windows $Machine
        $made.DiesAt = $number
        $null = Invoke-Installer $made $Given
        Assert-Follows "$Name, killed before step $number" $made $number $goals
    }
}

foreach ($admin in $false, $true) {
    $who = if ($admin) { 'by an administrator' } else { 'by a user' }
    Test-Kills "a first installation $who" (New-Fresh $admin) $all
    Test-Kills "an upgrade $who" (New-Installed $admin $all) @{}
    Test-Kills "a purge $who" (New-Installed $admin $all) @{ Purge = $true }
    Test-Kills "a removal $who" (New-Installed $admin $all) @{ Uninstall = $true }
}
