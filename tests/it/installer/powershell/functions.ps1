# Asks the functions of install.ps1 what they decide (claims.ps1); the steps that change a machine are not taken.
# Runs in Windows PowerShell 5.1 and in PowerShell 7, on any system:   pwsh -NoProfile -File functions.ps1 PATH/install.ps1
param([string] $Script)

$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot 'counting.ps1')

# The functions alone, without the call at the end.
$errors = $null
$ast = [System.Management.Automation.Language.Parser]::ParseFile((Resolve-Path -LiteralPath $Script).Path, [ref] $null, [ref] $errors)
if ($errors) { throw "$Script is no PowerShell: $($errors[0].Message)" }
$functions = $ast.FindAll({ param($node) $node -is [System.Management.Automation.Language.FunctionDefinitionAst] }, $true)
foreach ($function in $functions) { . ([scriptblock]::Create($function.Extent.Text)) }

. (Join-Path $PSScriptRoot 'claims.ps1')
Complete-Count 'what the functions of install.ps1 decide'
