"""What a PowerShell script says, held against a grammar and against what both PowerShells have: prints one line a fault.

No PowerShell runs here, and a slip in a step that is seldom taken would be met by a user first: a cmdlet or parameter that is not
there, a variable that nothing sets, an operator that only PowerShell 7 knows. Needs tree-sitter and tree-sitter-powershell.

    check.py SCRIPT...
"""

import re
import sys

import tree_sitter
import tree_sitter_powershell

# Every cmdlet that may be used, with the parameters that may be: they are in 5.1 and in 7.
CMDLETS = {
    "Add-Content": "LiteralPath Value Encoding ErrorAction",
    "Copy-Item": "LiteralPath Destination",
    "Expand-Archive": "LiteralPath DestinationPath",
    "ForEach-Object": "",
    "Get-ChildItem": "LiteralPath Recurse Filter Force ErrorAction",
    "Get-CimInstance": "ClassName Filter ErrorAction",
    "Get-Command": "Name CommandType ErrorAction",
    "Get-Content": "LiteralPath Encoding",
    "Get-Date": "Format",
    "Get-FileHash": "LiteralPath Algorithm",
    "Get-Process": "Id Name ErrorAction",
    "Get-Service": "Name ErrorAction",
    "Invoke-WebRequest": "Uri OutFile UseBasicParsing",
    "Join-Path": "",
    "Move-Item": "LiteralPath Destination Force",
    "New-Item": "ItemType Path Force",
    "New-Object": "",
    "Read-Host": "",
    "Remove-Item": "LiteralPath Recurse Force ErrorAction WhatIf",
    "Select-Object": "First",
    "Set-StrictMode": "Off",
    "Split-Path": "Parent",
    "Start-Process": "FilePath ArgumentList Verb WindowStyle PassThru",
    "Stop-Process": "Id Force ErrorAction",
    "Test-Path": "LiteralPath PathType",
    "Unblock-File": "LiteralPath",
    "Wait-Process": "Name Timeout ErrorAction",
    "Where-Object": "",
    "Write-Host": "",
}
PROGRAMS = {"taskkill.exe"}
VERBS = set(
    "Add Assert Clear Confirm Expand Find Format Get Install Invoke New Open Read Register Remove Resolve Restart Restore Save Select"
    " Set Show Start Stop Suspend Test Undo Uninstall Update Write".split()
)
AUTOMATIC = set("_ args true false null pid psscriptroot pscommandpath pscmdlet psversiontable myinvocation executioncontext lastexitcode whatifpreference".split())
# Set for what is called, which reads them: no reading of theirs is in the script.
FOR_OTHERS = set("erroractionpreference progresspreference psnativecommanduseerroractionpreference lastexitcode".split())
NEWER = {"??", "??=", "?.", "?[", "&&", "||", "?"}  # operators of PowerShell 7 alone


def main():
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            text = file.read()
        nodes = list(walk(parser.parse(text).root_node))
        for line, fault in sorted(faults(text, nodes)):
            print(f"{path}:{line}: {fault}")


def walk(node):
    yield node
    for child in node.children:
        yield from walk(child)


def faults(text, nodes):
    for number, line in enumerate(text.split(b"\n"), 1):
        if any(byte < 0x20 or byte > 0x7E for byte in line):
            yield number, "a byte that is no printable ASCII"
    functions = {name(node): node for node in nodes if node.type == "function_statement"}
    called = set()
    for node in nodes:
        for fault in of_node(node, functions, called):
            yield node.start_point.row + 1, fault
    for function, node in functions.items():
        if function not in called:
            yield node.start_point.row + 1, f"{function} is never called"
        if function.split("-")[0] not in VERBS:
            yield node.start_point.row + 1, f"{function} has a verb of its own"
    yield from of_variables(nodes)
    yield from of_top(nodes[0])


def of_node(node, functions, called):
    if node.type == "ERROR" or node.is_missing:
        yield "no PowerShell"
    if node.type == "exit" or node.type in NEWER:
        yield f"{node.type} is not to be used"
    if node.type == "expandable_string_literal" and re.search(r"\$(?!env:|global:)\w+[:?]", node.text.decode()):
        yield "a variable in a string that : or ? would be taken into: write ${name}"
    if node.type == "command":
        yield from of_command(node, functions, called)


def of_command(node, functions, called):
    command = next((child.text.decode() for child in node.children if child.type == "command_name"), None)
    elements = next((child.children for child in node.children if child.type == "command_elements"), [])
    parameters = [element.text.decode()[1:] for element in elements if element.type == "command_parameter"]
    if command in functions:
        called.add(command)
        values = [element for element in elements if element.is_named and element.type != "command_argument_sep"]
        takes = parameters_of(functions[command])
        if parameters or len(values) > len(takes):
            yield f"{command} takes {len(takes)} values, by place"
    elif command in CMDLETS:
        for parameter in set(parameters) - set(CMDLETS[command].split()):
            yield f"{command} -{parameter} is not in the list of this check"
        if command == "Invoke-WebRequest" and "UseBasicParsing" not in parameters:
            yield "Invoke-WebRequest without -UseBasicParsing"
    elif command is not None and command not in PROGRAMS:
        yield f"{command} is an alias or not in the list of this check"


def of_variables(nodes):
    """Everything that is read is set somewhere, and everything that is set is read."""
    written, read = {}, {}
    for node in nodes:
        if node.type != "variable" or ":" in node.text.decode():
            continue
        word = node.text.decode().strip("${}@").lower()
        (written if is_written(node) else read).setdefault(word, node.start_point.row + 1)
    for word in read.keys() - written.keys() - AUTOMATIC:
        yield read[word], f"${word} is set nowhere"
    for word in written.keys() - read.keys() - AUTOMATIC - FOR_OTHERS:
        yield written[word], f"${word} is read nowhere"


def is_written(node):
    above = node.parent
    while above is not None and above.type.endswith("_expression") and above.type != "left_assignment_expression":
        above = above.parent
    if above is None:
        return False
    if above.type == "script_parameter":
        return True
    if above.type == "foreach_statement":
        return next(child for child in above.children if child.type == "variable") == node
    return above.type == "left_assignment_expression" and above.text == node.text


def of_top(root):
    """Only functions, and a call at the end: cut anywhere in its download, the script does nothing."""
    top = [child for child in root.children if child.type not in ("comment", "param_block")]
    statements = [child for part in top for child in (part.children if part.type == "statement_list" else [part])]
    statements = [child for child in statements if child.type != "comment"]
    for child in statements[:-1]:
        if child.type != "function_statement":
            yield child.start_point.row + 1, "only functions come before the last call"
    if not statements or statements[-1].type != "pipeline":
        yield root.end_point.row, "no call comes last"


def name(function):
    return next(child.text.decode() for child in function.children if child.type == "function_name")


def parameters_of(function):
    """Those of `function Name(...)`, or of the `param(...)` in it; not those of a script block further in."""
    return [node for node in walk(function) if node.type == "script_parameter" and owner(node) == function]


def owner(node):
    while node.type not in ("function_statement", "script_block_expression"):
        node = node.parent
    return node


main()
