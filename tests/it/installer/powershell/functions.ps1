# Asks the functions of install.ps1 what they decide (claims.ps1); the steps that change a machine are not taken.
# Runs in Windows PowerShell 5.1 and in PowerShell 7, on any system:   pwsh -NoProfile -File functions.ps1 PATH/install.ps1
param([string] $Script)

$ErrorActionPreference = 'Stop'

# The functions alone, without the call at the end.
$ast = [System.Management.Automation.Language.Parser]::ParseFile($Script, [ref] $null, [ref] $null)
$functions = $ast.FindAll({ param($node) $node -is [System.Management.Automation.Language.FunctionDefinitionAst] }, $false)
foreach ($function in $functions) { . ([scriptblock]::Create($function.Extent.Text)) }

$failed = New-Object System.Collections.ArrayList
. (Join-Path $PSScriptRoot 'claims.ps1') $failed
if ($failed.Count -gt 0) { throw ($failed -join "`n") }
Write-Host "every claim about the functions holds in PowerShell $($PSVersionTable.PSVersion)"
