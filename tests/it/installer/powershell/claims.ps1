# What the functions of install.ps1 decide, asked of the functions themselves: read by functions.ps1.

$target = 'x86_64-pc-windows-msvc'

# PATH

Assert-Same 'the first entry of an empty PATH' (Add-PathEntry '' 'C:\Tap') 'C:\Tap'
Assert-Same 'an entry comes last' (Add-PathEntry 'C:\A;%X%\B' 'C:\Tap') 'C:\A;%X%\B;C:\Tap'
foreach ($path in 'C:\Tap', 'C:\A;c:\tap', 'C:\Tap\;C:\A', 'C:\A;"C:\Tap"') {
    Assert-Same 'an entry that is there is not added again' (Add-PathEntry $path 'C:\Tap') $path
}
$env:OLLAMA_TAP_TEST_PLACE = 'C:\Tap'
Assert-Same 'nor one that is there by a variable' (Add-PathEntry '%OLLAMA_TAP_TEST_PLACE%;C:\A' 'C:\Tap') '%OLLAMA_TAP_TEST_PLACE%;C:\A'
Assert-Same 'no entry is empty after one that ends in a semicolon' (Add-PathEntry 'C:\A;' 'C:\Tap') 'C:\A;C:\Tap;'
foreach ($path in 'C:\A', 'C:\A;%X%\B', 'C:\A;', 'C:\A;;C:\B') {
    Assert-Same 'added and removed, PATH is as it was' (Remove-PathEntry (Add-PathEntry $path 'C:\Tap') 'C:\Tap') $path
}
Assert-Same 'a directory of a longer name stays' (Remove-PathEntry 'C:\Tap;C:\Tapper' 'C:\Tap') 'C:\Tapper'
Assert-Same 'the last entry leaves nothing' (Remove-PathEntry 'C:\Tap' 'C:\Tap') ''

# The command line of the elevated part

Assert-Same 'a value is put in quotes' (Format-Argument 'C:\Program Files\x') '"C:\Program Files\x"'
Assert-Same 'a backslash at its end does not escape the quote' (Format-Argument 'C:\') '"C:\\"'
$curly = [string] [char] 0x2019
Assert-Same 'nor does any quote end a literal' (Format-Literal "it's$curly") "'it''s$curly$curly'"
$setup = @{ Uninstall = $false }
$line = Format-Elevated @{ Prefix = 'C:\a b'; From = "C:\it's.zip"; Service = $true; Purge = $false } 'C:\t\i.ps1' 'ABC' 'OllamaTap-1'
Assert-Like 'it has what was asked for' $line " -Said `$w -From 'C:\it''s.zip' -Prefix 'C:\a b' -Service; "
Assert-Like 'it looks at the bytes that it runs' $line "ReadAllBytes('C:\t\i.ps1'); if ("
Assert-Like 'and at their sum' $line "-ne 'ABC') { throw"
Assert-Like 'it speaks through a pipe, whose other end cannot act for it' $line "NamedPipeClientStream '.', 'OllamaTap-1', 'Out', 'None', 'Identification'"
Assert-Same 'its quotes are those around the command' $line.Split('"').Count 3
$asked = @{ Prefix = 'C:\a'; Service = $false; Uninstall = $true; Purge = $true; Tray = $true; BaseUrl = 'https://a.example' }
Assert-Same 'nothing that is the user''s own is handed over' ((Get-Handover $asked $null).Keys | Sort-Object) 'Prefix Purge Service Uninstall'

# Variables that the service does not get

$env:LOG_LEVEL = 'debug'
foreach ($name in 'OLLAMA_TAP_TOKEN', 'OLLAMA_NUM_PARALLEL', 'ANALYTICS_DIR', 'LOG_LEVEL', 'HTTPS_PROXY') {
    Assert-Same "$name is dropped" (Test-Dropped $name 'x') $true
}
foreach ($name in 'OLLAMA_MODELS', 'OLLAMA_TAP_FROM', 'PATH') { Assert-Same "$name is not" (Test-Dropped $name 'x') $false }

# Words

Assert-Same 'a password is hidden' (Hide-Password 'at https://me:p@ss@a.example/x?y@z: http://b@c') 'at https://***@a.example/x?y@z: http://***@c'
Assert-Same 'an address without one stays' (Hide-Password 'at https://a.example/x@y') 'at https://a.example/x@y'
foreach ($name in 'new-1', 'new-1-0a1b2c3d', 'ollama-tap.exe.old-7', "setup-$PID-00000000", 'new-x') {
    Assert-Same "the run that made $name has ended" (Test-Ended ($name -replace '-1(-|$)', '-2147483646$1' -replace '-7$', '-2147483645')) $true
}
function Get-Living { New-Object PSObject -Property @{ ProcessName = 'powershell' } }
Set-Alias -Name Get-Process -Value Get-Living
Assert-Same 'one that runs has not' (Test-Ended 'new-2147483646-0a1b2c3d') $false
Remove-Item -LiteralPath Alias:Get-Process

# The way to the download

foreach ($list in 'a.example', 'x,.example', '*', '*.example', ' a.example ') { Assert-Same "$list names it" (Test-NoProxy 'a.example' $list) $true }
foreach ($list in '', 'b.example', 'ample', 'x.a.example', ',') { Assert-Same "$list does not" (Test-NoProxy 'a.example' $list) $false }
Assert-Same 'a login may hold anything' (Get-Login 'http://me:p%40s:s@a.example').Password 'p@s:s'
Assert-Same 'this machine needs no proxy' (Get-Proxy 'http://127.0.0.1:1/x') ''

# What to download

$releases = 'https://github.com/ollama-tap/ollama-tap/releases'
Assert-Same 'the newest' (Get-ReleaseAddress '' '') "$releases/latest/download"
Assert-Same 'one release' (Get-ReleaseAddress '' '1.0.0') "$releases/download/v1.0.0"
Assert-Same 'another place' (Get-ReleaseAddress 'https://a.example/b' '1.0.0') 'https://a.example/b'
Assert-Same 'a processor' (Get-Target 'AMD64') $target
$arm = 'aarch64-pc-windows-msvc'
Assert-Same 'one that runs two' (Get-Target 'ARM64') "$arm $target"
Assert-Throws 'one that does not' { Get-Target 'x86' } 'there is no release for Windows on x86'

$sum = 'a' * 64
$other = 'b' * 64
$linux = "$other  ollama-tap-1.0.0-x86_64-unknown-linux-musl.tar.gz`n"
$one = "$sum *ollama-tap-1.0.0-$target.zip`r`n"
$two = "$other  ollama-tap-1.1.0-rc.1-$target.zip`n"
Assert-Same 'the archive of this machine' (Select-Archive "$linux$one" $target '').Name "ollama-tap-1.0.0-$target.zip"
Assert-Same 'its sum' (Select-Archive "$linux$one" $target '').Sum $sum
$native = "$other *ollama-tap-1.0.0-$arm.zip`n"
Assert-Same 'of two that run, the one that is made for it' (Select-Target "$one$native" @($arm, $target) '') $arm
Assert-Same 'else the other' (Select-Target $one @($arm, $target) '') $target
Assert-Same 'in the version that was asked for' (Select-Target "$native$two" @($arm, $target) '1.1.0-rc.1') $target
Assert-Same 'of none, what is missed is the best' (Select-Target $linux @($arm, $target) '') $arm
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
