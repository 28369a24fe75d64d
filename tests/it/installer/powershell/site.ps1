# A site of this machine with a release, and a proxy that asks for a login: a thread of this process. Stop-Site ends it.

function Start-Site([string] $Folder) {
    $listener = New-Object Net.Sockets.TcpListener ([Net.IPAddress]::Loopback), 0
    $listener.Start()
    $shell = [powershell]::Create()
    $null = $shell.AddScript({
        param($listener, $folder)
        while ($true) {
            try { $client = $listener.AcceptTcpClient() } catch { return }
            $stream = $client.GetStream()
            $reader = New-Object IO.StreamReader $stream
            $line = $reader.ReadLine()
            while ($reader.ReadLine()) { }
            $status, $body = '404 Not Found', [Text.Encoding]::UTF8.GetBytes("<html>`n<p>a long page</p>`n</html>")
            if ($line -like 'CONNECT *') {
                $status, $body = '407 Proxy Authentication Required', @()
            } elseif ($line -match '^GET /([^/ ]+) ' -and [IO.File]::Exists([IO.Path]::Combine($folder, $Matches[1]))) {
                $status, $body = '200 OK', [IO.File]::ReadAllBytes([IO.Path]::Combine($folder, $Matches[1]))
            }
            $head = "HTTP/1.1 $status`r`nContent-Length: $($body.Length)`r`nConnection: close`r`n`r`n"
            $bytes = [Text.Encoding]::ASCII.GetBytes($head)
            try {
                $stream.Write($bytes, 0, $bytes.Length)
                $stream.Write([byte[]] $body, 0, $body.Length)
            } catch { $status = "$_" }
            $client.Close()
        }
    }).AddArgument($listener).AddArgument($Folder)
    @{ Listener = $listener; Shell = $shell; Running = $shell.BeginInvoke(); Address = "http://127.0.0.1:$($listener.LocalEndpoint.Port)" }
}

function Stop-Site([hashtable] $Site) {
    $Site.Listener.Stop()
    $Site.Shell.Stop()
    $Site.Shell.Dispose()
}

# Fills a folder with a release: its archive, its sums and this script.
function Save-Site([string] $Folder, [string] $Version, [string] $Archive, [string] $Script) {
    $null = [IO.Directory]::CreateDirectory($Folder)
    $name = "ollama-tap-$Version-x86_64-pc-windows-msvc.zip"
    [IO.File]::Copy($Archive, [IO.Path]::Combine($Folder, $name), $true)
    [IO.File]::Copy($Script, [IO.Path]::Combine($Folder, 'install.ps1'), $true)
    $bytes = [IO.File]::ReadAllBytes($Archive)
    $sum = ([BitConverter]::ToString([Security.Cryptography.SHA256]::Create().ComputeHash($bytes)) -replace '-', '').ToLower()
    [IO.File]::WriteAllText([IO.Path]::Combine($Folder, 'SHA256SUMS'), "$sum  $name`n")
}
