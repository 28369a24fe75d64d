# The life of an installation: installed, again, upgraded, removed. Read by promises.ps1.

foreach ($admin in $false, $true) {
    foreach ($given in @{}, @{ Service = $true; Tray = $true }) {
        $who = "$(if ($given.Count) { 'all' } else { 'the program alone' }) by $(if ($admin) { 'an administrator' } else { 'a user' })"
        $made = New-Fresh $admin
        $before = Get-State $made
        Assert-Done "$who is installed" $made $given
        Assert-Same "${who}: the service" $made.Service $(if ($given.Count) { 'Running' })
        Assert-Same "${who}: Ollama's app is stopped for a service alone" $made.App (-not $given.Count)
        Assert-Same "${who}: Settings > Apps has it" $made.Keys.Apps.DisplayVersion[0] '1.0.0'
        $exe = if ($admin -or $given.Count) { $made.Exe } else { $made.OwnExe }
        Assert-Same "${who}: its folder has the program alone" (@(Get-ChildItem -LiteralPath (Split-Path -Parent $exe)).Name) 'ollama-tap.exe'
        Assert-That "${who}: Settings > Apps can remove it" ([IO.File]::Exists((Join-Path $made.Local (Join-Path 'OllamaTap' 'install.ps1'))))
        $installed = Get-State $made

        Assert-Done "$who is installed again" $made @{}
        Assert-Same "${who}: again changes nothing" (Get-State $made) $installed
        $null = Save-Release $made 'exe 1.1.0'
        Assert-Done "$who is upgraded" $made @{}
        Assert-Like "$who is said" ($made.Said -join "`n") 'in place of ollama-tap 1.0.0'
        Assert-Same "${who}: the service after it" $made.Service $(if ($given.Count) { 'Running' })
        Assert-Same "${who}: the version in Settings > Apps" $made.Keys.Apps.DisplayVersion[0] '1.1.0'

        $words = $made.Keys.Apps.UninstallString[0]
        Assert-Like "${who}: what Settings > Apps runs" $words "-Uninstall -Prefix `"$(Split-Path -Parent $exe)`""
        Assert-Same "${who}: with the service where it is the machine's" ($words -like '* -Service') ($admin -or [bool] $given.Count)
        $kept = Copy-Windows $made
        Assert-Done "$who is removed" $kept @{ Uninstall = $true; Prefix = (Split-Path -Parent $exe).Replace($made.Root, $kept.Root); Service = ($words -like '* -Service') }
        Assert-Same "${who}: what is there is that from before" (Get-PlainState $kept).Replace("Local/Programs/`n", '') $before.Replace($made.Root, 'ROOT')
        Assert-That "${who}: the log stays" ([IO.File]::Exists((Join-Path $kept.Local (Join-Path 'OllamaTap' 'install.log'))))
        Assert-Done "$who is purged" $made @{ Purge = $true }
        Assert-Same "${who}: nothing is left" (Get-State $made).Replace("Local/Programs/`n", '') $before
        Assert-That "${who}: nor is the log" (-not [IO.Directory]::Exists((Join-Path $made.Local 'OllamaTap')))
    }
}

# Upgrades renew the service's registration where the new executable can.
$made = New-Installed $true @{ Service = $true; StopApp = $true } 'exe 1.1.0 keeps'
Assert-Done 'an upgrade to one that keeps settings' $made @{}
Assert-Same 'it renews the registration, and then starts' (@($made.Calls) -like 'service *' -notlike '*--help') 'service stop service install --keep service start'
$made = New-Installed $true @{ Service = $true; StopApp = $true } 'exe 1.1.0 keeps'
$made.Service = 'Stopped'
Assert-Done 'an upgrade of a service that was stopped' $made @{}
Assert-That 'renews it too, and it stays stopped' ($made.Calls -contains 'service install --keep' -and $made.Service -eq 'Stopped')
$made = New-Installed $true @{ Service = $true; StopApp = $true } 'exe 0.1.0'
Assert-Done 'a change to one that cannot' $made @{}
Assert-That 'starts it as it is registered' ($made.Calls -notcontains 'service install --keep' -and $made.Service -eq 'Running')

# P1: one that runs can be replaced twice, and what it leaves goes once it has ended.
$made = New-Fresh $false
$null = Save-Release $made 'exe 1.0.0 running'
Assert-Done 'one that will run' $made @{}
foreach ($version in '1.1.0', '1.2.0') {
    $null = Save-Release $made "exe $version running"
    Assert-Done "an upgrade to $version in the same window" $made @{}
}
$old = @(Get-ChildItem -LiteralPath (Split-Path -Parent $made.OwnExe) -Filter '*.old-*')
Assert-Same 'each that runs is left' $old.Count 2
foreach ($file in $old) { [IO.File]::WriteAllText($file.FullName, 'ended') }
$null = Save-Release $made 'exe 1.3.0'
Assert-Done 'and once more' $made @{}
Assert-Same 'what ended is gone' (@(Get-ChildItem -LiteralPath (Split-Path -Parent $made.OwnExe)).Count) 2

# W1: a service for whoever asked, who is not the administrator that agreed.
$made = New-Fresh $false
Assert-Done 'a service by a user' $made @{ Service = $true }
Assert-That 'has the ollama of that user' ($made.Calls -contains 'service install --ollama C:\Users\u\ollama.exe')
Assert-Same 'and looks into the folder of that user, for what Ollama''s app keeps and for the models' $made.Asker "$($made.Root) "
$made = New-Fresh $false
$made.Models = 'D:\models'
Assert-Done 'a service by a user who has them elsewhere' $made @{ Service = $true }
Assert-Same 'has those' $made.Asker "$($made.Root) D:\models"
$made = New-Fresh $true
$made.Models = 'D:\models'
Assert-Done 'a service by an administrator' $made @{ Service = $true }
Assert-Same 'has what that window has' $made.Asker "$($made.Root) D:\models"
$made = New-Installed $false @{ Service = $true; StopApp = $true }
$env:OLLAMA_TAP_TOKEN = 'secret'
Assert-Done 'a service once more' $made @{ Service = $true }
$env:OLLAMA_TAP_TOKEN = $null
Assert-That 'what it has already stays' ($made.Elevated -notlike '*-Models*' -and $made.Elevated -notlike '*-Ollama *')
Assert-Like 'W8: a variable that does not reach it is named' ($made.Said -join "`n") 'OLLAMA_TAP_TOKEN'
Assert-That 'and its value is not' ("$($made.Said)$($made.Elevated)" -notlike '*secret*')

# The icon that is shown is from then on shown by the new executable.
$made = New-Installed $false @{ Tray = $true }
Assert-Done 'an upgrade with an icon' $made @{}
Assert-That 'is shown by the new one' ($made.Icon -and $made.Calls -contains 'tray --stop')
$made.Icon = $false
Assert-Done 'an upgrade without one' $made @{}
Assert-That 'shows none' (-not $made.Icon -and $made.Calls -notcontains 'tray --stop')

# A PATH that was not there is not there again.
$made = New-Fresh $false
$made.Keys.User.Remove('Path')
$null = Save-Release $made 'exe 1.0.0 --version'
Assert-That 'one that does not run' ((Invoke-Installer $made @{}) -ne '')
Assert-That 'makes no PATH' (-not $made.Keys.User.ContainsKey('Path'))
