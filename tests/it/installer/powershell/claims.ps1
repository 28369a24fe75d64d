# What the functions of install.ps1 decide, asked of the functions themselves: each claim that does not hold is added to $failed.
# Read by functions.ps1 in a PowerShell, and by promises.py where there is none.
param($failed)

$target = 'x86_64-pc-windows-msvc'

function Assert-Same([string] $Claim, $Found, $Wanted) {
    if ("$Found" -cne "$Wanted") { $null = $failed.Add("${Claim}: found '$Found', wanted '$Wanted'") }
}

function Assert-Throws([string] $Claim, [scriptblock] $Do, [string] $Wanted) {
    $said = 'nothing'
    try { $null = & $Do } catch { $said = "$_" }
    if ($said -notlike "*$Wanted*") { $null = $failed.Add("${Claim}: said '$said', wanted '$Wanted'") }
}

# PATH

Assert-Same 'the first entry of an empty PATH' (Add-PathEntry '' 'C:\Tap') 'C:\Tap'
Assert-Same 'an entry comes last' (Add-PathEntry 'C:\A;%X%\B' 'C:\Tap') 'C:\A;%X%\B;C:\Tap'
foreach ($path in 'C:\Tap', 'C:\A;c:\tap', 'C:\Tap\;C:\A', 'C:\A;"C:\Tap"') {
    Assert-Same 'an entry that is there is not added again' (Add-PathEntry $path 'C:\Tap') $path
}
$env:OLLAMA_TAP_TEST_PLACE = 'C:\Tap'
Assert-Same 'nor one that is there by a variable' (Add-PathEntry '%OLLAMA_TAP_TEST_PLACE%;C:\A' 'C:\Tap') '%OLLAMA_TAP_TEST_PLACE%;C:\A'
foreach ($path in 'C:\A', 'C:\A;%X%\B', 'C:\A;', 'C:\A;;C:\B') {
    Assert-Same 'added and removed, PATH is as it was' (Remove-PathEntry (Add-PathEntry $path 'C:\Tap') 'C:\Tap') $path
}
Assert-Same 'a directory of a longer name stays' (Remove-PathEntry 'C:\Tap;C:\Tapper' 'C:\Tap') 'C:\Tapper'
Assert-Same 'the last entry leaves nothing' (Remove-PathEntry 'C:\Tap' 'C:\Tap') ''

# The command line of the elevated part

Assert-Same 'a value is put in quotes' (Format-Argument 'C:\Program Files\x') '"C:\Program Files\x"'
Assert-Same 'a backslash at its end does not escape the quote' (Format-Argument 'C:\') '"C:\\"'
$asked = @{ Prefix = 'C:\a b'; Version = ''; BaseUrl = ''; From = "C:\it's.zip"; Service = $true; Tray = $true; Uninstall = $false; Purge = $false }
$line = '-NoProfile -ExecutionPolicy Bypass -File "C:\t\i.ps1" -Said "C:\t\s.txt" -Prefix "C:\a b" -From "C:\it''s.zip" -Service'
Assert-Same 'it has what was asked for, and nothing that is the user''s own' (Format-Elevated $asked 'C:\t\i.ps1' 'C:\t\s.txt') $line
$asked = @{ Prefix = 'C:\a'; Version = '1.0.0'; BaseUrl = ''; From = ''; Service = $false; Uninstall = $true; Purge = $true }
$line = '-NoProfile -ExecutionPolicy Bypass -File "i" -Said "s" -Prefix "C:\a" -Version "1.0.0" -Uninstall -Purge'
Assert-Same 'so it has at the end' (Format-Elevated $asked 'i' 's') $line

# What to download

$releases = 'https://github.com/ollama-tap/ollama-tap/releases'
Assert-Same 'the newest' (Get-ReleaseAddress '' '') "$releases/latest/download"
Assert-Same 'one release' (Get-ReleaseAddress '' '1.0.0') "$releases/download/v1.0.0"
Assert-Same 'another place' (Get-ReleaseAddress 'https://a.example/b' '1.0.0') 'https://a.example/b'
Assert-Same 'a processor' (Get-Target 'AMD64') $target
Assert-Same 'one that runs the same' (Get-Target 'ARM64') $target
Assert-Throws 'one that does not' { Get-Target 'x86' } 'there is no release for Windows on x86'

$sum = 'a' * 64
$other = 'b' * 64
$linux = "$other  ollama-tap-1.0.0-x86_64-unknown-linux-musl.tar.gz`n"
$one = "$sum *ollama-tap-1.0.0-$target.zip`r`n"
$two = "$other  ollama-tap-1.1.0-rc.1-$target.zip`n"
Assert-Same 'the archive of this machine' (Select-Archive "$linux$one" $target '').Name "ollama-tap-1.0.0-$target.zip"
Assert-Same 'its sum' (Select-Archive "$linux$one" $target '').Sum $sum
Assert-Same 'the version that was asked for' (Select-Archive "$one$two" $target '1.1.0-rc.1').Sum $other
Assert-Throws 'more than one' { Select-Archive "$one$two" $target '' } 'more than one release'
Assert-Throws 'none for this machine' { Select-Archive $linux $target '' } 'lists no release'
Assert-Throws 'none of this version' { Select-Archive $one $target '2.0.0' } 'lists no release 2.0.0'
Assert-Throws 'a page in its place' { Select-Archive '<html>' $target '' } 'lists no release'
Assert-Throws 'a name with a path' { Select-Archive "$sum  ../ollama-tap-1.0.0-$target.zip`n" $target '' } 'lists no release'

# Options

foreach ($address in 'https://a.example/b', 'http://localhost', 'http://localhost:80/x', 'http://127.0.0.1/x', 'http://[::1]:8080') {
    Assert-Same "$address is taken" (Test-Address $address) $true
}
foreach ($address in 'http://a.example', 'http://localhost.a.example', 'http://localhost:80@a.example', 'ftp://localhost', 'https://a b', 'a') {
    Assert-Same "$address is not" (Test-Address $address) $false
}
foreach ($value in '', '0') { Assert-Same "a switch that is '$value' is off" (Test-On $value) $false }
foreach ($value in '1', 'yes') { Assert-Same "a switch that is '$value' is on" (Test-On $value) $true }
$good = @{ Prefix = 'C:\a b'; From = 'C:\a.zip'; Version = '1.0.0-rc.1'; BaseUrl = 'https://a.example' }
Assert-Options $good
foreach ($bad in @{ Prefix = 'a"b' }, @{ Prefix = 'a;b' }, @{ From = '"' }, @{ Version = '1/../2' }, @{ Version = '-x' }, @{ BaseUrl = 'http://a.example' }) {
    $name = @($bad.Keys)[0]
    $options = $good.Clone()
    $options[$name] = $bad[$name]
    Assert-Throws "$name $($bad[$name])" { Assert-Options $options } "-$name"
}
