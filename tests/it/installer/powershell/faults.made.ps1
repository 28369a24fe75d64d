# Spoilt copies of the script must be found out by these very tests. Read by promises.ps1, which they are part of.

$whole = [IO.File]::ReadAllText($script:installer)
$all = @{ Service = $true; Tray = $true; StopApp = $true }

# How many steps of an upgrade a script does not take back.
function Get-Untaken([string] $Text) {
    $right = $script:installer
    $script:installer = Join-Path $script:folder 'spoilt.ps1'
    [IO.File]::WriteAllText($script:installer, $Text)
    try {
        $machine = New-Fresh $true
        $null = Invoke-Installer $machine $all
        $null = Save-Release $machine 'exe 1.1.0'
        $before = Get-PlainState $machine
        $untaken = 0
        for ($number = 1; $number -le 20; $number++) {
            $made = Copy-Windows $machine
            $made.FailsAt = $number
            if ((Invoke-Installer $made @{}) -and (Get-PlainState $made) -ne $before) { $untaken++ }
        }
        $untaken
    } finally {
        $script:installer = $right
    }
}

Assert-Same 'the script itself takes all back' (Get-Untaken $whole) 0
$push = 'if ($Back) { Add-Undo $Back $With }'
Assert-That 'it takes back in one place' ($whole.Contains($push))
Assert-That 'one that takes nothing back is found out' ((Get-Untaken $whole.Replace($push, '')) -gt 0)
$restore = 'Restore-Executable $exe $old'
Assert-That 'and one that does not put the executable back' ((Get-Untaken $whole.Replace("            $restore`n", '')) -gt 0)
