# A failure at every step: installing, upgrading and the service are taken back; a removal is taken back until the service is removed,
# and finished by the same command after that. Read by promises.ps1.

# What may fail without harm is said, and its run is whole but for that.
$harmless = 'Settings > Apps|install\.ps1|starting .*ollama-tap\.exe|starting explorer|tray --stop|--version|removing .*(new-|setup-|\.old-|\.gone-)|--help|making .*setup-'

$takenBack = {
    param($made, $failure, $claim, $before, $goal, $given)
    if ($failure) {
        Assert-Same "$claim, all is as before" (Get-PlainState $made) $before
    } else {
        Assert-That "$claim, it says so or does no harm" ($made.Failed -match $harmless)
        $made.FailsAt = 0
        Assert-Done "$claim, it goes again" $made $given
        Assert-Same "$claim, then all is there" ((Get-PlainState $made) -replace 'icon: \w+') ($goal -replace 'icon: \w+')
    }
    Assert-Whole $claim $made
}

$finished = {
    param($made, $failure, $claim, $before, $goal, $given)
    Assert-Whole $claim $made
    if ($failure -and $made.Service) { Assert-Same "$claim, all is as before" (Get-PlainState $made) $before }
    $made.Icon = $false # of one that cannot be closed it is said
    $isBefore = ((Get-PlainState $made) -replace 'icon: \w+') -eq ($before -replace 'icon: \w+')
    if (-not $failure) { Assert-That "$claim, it does no harm" ($made.Failed -match $harmless) }
    if ($failure -and -not $isBefore) { Assert-Like "$claim, what is left is named" $failure 'not everything is removed' }
    $made.FailsAt = 0
    Assert-Done "$claim, the same command again" $made $given
    $outcome = (Get-PlainState $made), $goal | ForEach-Object { $_.Replace("Local/Programs/`n", '') -replace 'icon: \w+' }
    Assert-Same "$claim, finishes it" $outcome[0] $outcome[1]
}

$all = @{ Service = $true; Tray = $true; StopApp = $true }
foreach ($admin in $false, $true) {
    $who = if ($admin) { 'by an administrator' } else { 'by a user' }
    Invoke-EachStep "a first installation $who" (New-Fresh $admin) @{} $takenBack
    Invoke-EachStep "a first one with all $who" (New-Fresh $admin) $all $takenBack
    Invoke-EachStep "an upgrade with an icon $who" (New-Installed $admin @{ Tray = $true }) @{ Tray = $true } $takenBack
    Invoke-EachStep "an upgrade of a service $who" (New-Installed $admin $all) @{} $takenBack
    Invoke-EachStep "one that renews the service $who" (New-Installed $admin $all 'exe 1.1.0 keeps') @{} $takenBack
    Invoke-EachStep "an upgrade with -Service $who" (New-Installed $admin $all) $all $takenBack
    $stopped = New-Installed $admin $all
    $stopped.Service = 'Stopped'
    Invoke-EachStep "an upgrade of a service that is stopped $who" $stopped @{} $takenBack
    foreach ($given in @{ Uninstall = $true }, @{ Purge = $true }) {
        Invoke-EachStep "$($given.Keys) $who" (New-Installed $admin @{ Tray = $true }) $given $finished
        Invoke-EachStep "$($given.Keys) of a service $who" (New-Installed $admin $all) $given $finished
    }
}

# The same of a service whose executable is gone.
foreach ($admin in $false, $true) {
    $gone = New-Installed $admin $all
    [IO.File]::Delete($gone.Exe)
    $gone.ServiceProgram = ''
    $gone.Service = 'Stopped'
    foreach ($given in @{ Uninstall = $true }, @{ Purge = $true }) { Invoke-EachStep "$($given.Keys) without the executable" $gone $given $finished }
    Invoke-EachStep 'an upgrade without the executable' $gone @{} $takenBack
}

# A release that fails later than it says.
foreach ($flaw in 'install', 'start', '--version') {
    $made = if ($flaw -eq 'start') { New-Installed $false $all } else { New-Fresh $false }
    $null = Save-Release $made "exe 1.2.0 $flaw"
    $before = Get-State $made
    Assert-That "a release that fails at $flaw is refused" ((Invoke-Installer $made $(if ($flaw -eq 'install') { $all } else { @{} })) -ne '')
    Assert-Same "and all is as before" (Get-State $made) $before
}

# A service that does not go keeps all.
foreach ($given in @{ Uninstall = $true }, @{ Purge = $true }) {
    $made = New-Fresh $false
    $null = Save-Release $made 'exe 1.0.0 uninstall'
    Assert-Done 'one that does not go' $made $all
    $before = Get-State $made
    Assert-Like "$($given.Keys) of it" (Invoke-Installer $made $given) 'the service cannot be removed'
    Assert-Same 'leaves all as it was' (Get-State $made) $before
}

# What is held by another program is named, and histories wait for it.
$made = New-Installed $false $all
$history = Join-Path $made.Data (Join-Path 'OllamaTap' 'history')
$null = [IO.Directory]::CreateDirectory($history)
$made.Locked = @('*Ollama.lnk')
[IO.File]::WriteAllText((Join-Path $made.Startup 'Ollama.lnk'), 'a newer one')
Assert-Like 'a shortcut that is held' (Invoke-Installer $made @{ Purge = $true }) 'having Ollama''s desktop app start at login again'
Assert-That 'keeps the log until it goes' ([IO.Directory]::Exists((Join-Path $made.Local 'OllamaTap')))
$made.Locked = @()
Assert-Done 'the same command again' $made @{ Purge = $true }
Assert-That 'finishes it' (-not [IO.Directory]::Exists((Join-Path $made.Local 'OllamaTap')) -and -not [IO.Directory]::Exists($history))
