# install.ps1 with the real executable, the service manager and the registry of a Windows that may be spoilt: under Wine, by `.ci/windows`.
#   powershell -NoProfile -ExecutionPolicy Bypass -File whole.ps1 EXE OLLAMA FOLDER ADDRESS [OLDER]
# EXE is ollama-tap.exe, OLLAMA a stand-in for Ollama's program, FOLDER is served at ADDRESS by another process (one of Wine's own does not
# answer to itself), and OLDER is another ollama-tap.exe to come from (else EXE itself).
param([string] $Exe, [string] $Ollama, [string] $Served, [string] $Address, [string] $Older = $Exe)

$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot 'counting.ps1')
. (Join-Path $PSScriptRoot 'site.ps1')
$script:root = (Resolve-Path -LiteralPath (Join-Path $PSScriptRoot '..\..\..\..')).Path
$installer = Join-Path $script:root 'install.ps1'
$folder = Join-Path ([IO.Path]::GetTempPath()) "ollama-tap-whole-$PID"
$prefix = Join-Path $env:ProgramFiles 'OllamaTap'
$own = Join-Path $env:LOCALAPPDATA 'Programs\OllamaTap'
$state = Join-Path $env:LOCALAPPDATA 'OllamaTap'
$data = Join-Path $env:ProgramData 'OllamaTap'
$tap = Join-Path $prefix 'ollama-tap.exe'
$source = 'HKLM:\SYSTEM\CurrentControlSet\Services\EventLog\Application\OllamaTap'

# An archive of a program, and the site that has it and the script.
function Save-Published([string] $Program, [string] $Version) {
    Add-Type -AssemblyName System.IO.Compression, System.IO.Compression.FileSystem
    $zip = Join-Path $folder "$Version.zip"
    $archive = [IO.Compression.ZipFile]::Open($zip, 'Create')
    $null = [IO.Compression.ZipFileExtensions]::CreateEntryFromFile($archive, $Program, 'ollama-tap/ollama-tap.exe')
    $archive.Dispose()
    Save-Site $Served $Version $zip $installer
    $zip
}

function Get-MachinePath {
    $key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SYSTEM\CurrentControlSet\Control\Session Manager\Environment')
    $key.GetValue('Path', '', [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames)
}

# The registered program is asked after 10 s at the latest, as the service manager is slower under load.
function Wait-For([string] $Claim, [scriptblock] $Holds) {
    for ($turn = 0; $turn -lt 100; $turn++) {
        if (& $Holds) { return Assert-That $Claim $true }
        Start-Sleep -Milliseconds 100
    }
    Assert-That $Claim $false
}

function Test-Answers { try { [bool] (Invoke-RestMethod -Uri 'http://127.0.0.1:11434/healthz' -TimeoutSec 5).ollama_tap } catch { $false } }

function Test-Gone {
    -not (Get-Service -Name OllamaTap -ErrorAction SilentlyContinue) -and -not (Test-Path -LiteralPath $source) -and -not (Test-Path -LiteralPath $prefix) -and -not (Test-Path -LiteralPath $own) -and
        (Get-MachinePath) -eq $script:path
}

# Settings that a new service keeps: by them the stand-in for Ollama knows where to leave what it leaves.
function Save-Settings {
    if (Get-Service -Name OllamaTap -ErrorAction SilentlyContinue) { return }
    $null = [IO.Directory]::CreateDirectory($data)
    [IO.File]::WriteAllText((Join-Path $data 'ollama-tap.env'), "STANDIN=`nSTANDIN_DIR='$folder'`n")
}

# Runs words as they are, and says what they failed with.
function Invoke-Words([string] $Words) {
    if ($Words -like '*-Service*') { Save-Settings }
    $run = [scriptblock]::Create($Words)
    try { & $run | Out-Host } catch { return "$_" }
    ''
}

$null = [IO.Directory]::CreateDirectory($folder)
$null = [IO.Directory]::CreateDirectory((Join-Path $env:LOCALAPPDATA 'Programs\Ollama'))
[IO.File]::Copy($Ollama, (Join-Path $env:LOCALAPPDATA 'Programs\Ollama\ollama.exe'), $true)
$script:path = Get-MachinePath
$old = Save-Published $Older '0.0.1'
$new = Save-Published $Exe '0.0.2'
$env:OLLAMA_TAP_BASE_URL = $Address
$env:OLLAMA_TAP_VERSION = ''
try {
    foreach ($part in 'whole.life.ps1', 'whole.guide.ps1') { . (Join-Path $PSScriptRoot $part) }
} finally {
    Set-Location $script:root
    [IO.Directory]::Delete($folder, $true)
}
Complete-Count 'install.ps1 with the real executable'
