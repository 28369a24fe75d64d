# What PSScriptAnalyzer looks for in install.ps1 and in its tests: everything, the syntax of both PowerShells and the commands of 5.1 among it.
# A rule that is off has its reason beside it.
@{
    IncludeDefaultRules = $true
    Severity = @('Error', 'Warning', 'Information', 'ParseError')
    ExcludeRules = @(
        'PSAvoidUsingWriteHost' # an installer speaks to who started it; its output is nobody's value
        'PSUseShouldProcessForStateChangingFunctions' # one function asks for all of them, so that each step is asked about once
        'PSShouldProcess' # it asks by the one $PSCmdlet of the whole run, so that "Yes to All" holds for all
        'PSUseSingularNouns' # Assert-Options are several
        'PSAvoidUsingPositionalParameters' # the script's own functions take few values, in the order in which they are read
        'PSReviewUnusedParameter' # what takes a step back gets all values of the step, and a stand-in all of what it stands for
        'PSUseDeclaredVarsMoreThanAssignments' # the functions find $setup, $undo and $log where their caller has them
        'PSAvoidGlobalVars' # stand-ins are called from a script that knows nothing of them; $LASTEXITCODE is PowerShell's own
        'PSAvoidUsingInvokeExpression' # `irm | iex` is what is tested
    )
    Rules = @{
        PSUseCompatibleSyntax = @{
            Enable = $true
            TargetVersions = @('5.1', '7.0')
        }
        PSUseCompatibleCmdlets = @{
            compatibility = @('desktop-5.1.14393.206-windows')
        }
    }
}
