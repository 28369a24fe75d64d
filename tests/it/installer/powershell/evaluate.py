"""Evaluates as much of PowerShell as install.ps1 uses, on a machine that a test makes up (windows.py).

No PowerShell can be had where the tests run, and a script of seven hundred lines that nothing has run keeps no promise. What is not
known here is refused aloud, so that script and evaluator do not part unnoticed. What PowerShell does with it all is written down here
as its documentation has it: names without case, scopes that callees see, a list of one that is that one, `throw` and `finally`.
"""

from nodes import child, named, parse, split_list, text, variable_of
from values import COMPARISONS, KINDS, STRINGS, Returned, Table, Thrown, as_list, as_one, string, truth, unescaped

SWITCHES = set("recurse force usebasicparsing off passthru parent".split())  # parameters that take no value


class Evaluator:
    def __init__(self, machine, text):
        self.machine, self.text = machine, text
        self.functions, self.scopes, self.thrown = {}, [{}], None
        self.root = parse(text)

    def run(self, given):
        """Runs the whole script with these parameters."""
        for parameter in named(child(child(self.root, "param_block"), "parameter_list")):
            name = variable_of(parameter)
            self.bind([parameter], [given[name]] if name in given else [])
        self.outputs(child(self.root, "statement_list"))

    def defined(self):
        """The functions of the script, of which nothing is run."""
        for statement in named(child(self.root, "statement_list")):
            if statement.type == "function_statement":
                self.do_function_statement(statement)
        return self.functions

    # Statements: each gives the list of what it puts out.

    def outputs(self, node):
        if node.type in ("statement_list", "statement_block", "script_block", "script_block_body"):
            return [output for part in named(node) if part.type != "param_block" for output in self.outputs(part)]
        statement = getattr(self, "do_" + node.type, None)
        return statement(node) if statement else as_list(self.value(node))

    def do_function_statement(self, node):
        self.functions[text(child(node, "function_name")).lower()] = node
        return []

    def do_if_statement(self, node):
        parts = named(node)
        branches = [parts[:2]] + [named(clause) for part in parts if part.type == "elseif_clauses" for clause in named(part)]
        for condition, block in branches:
            if truth(self.value(condition)):
                return self.outputs(block)
        otherwise = child(node, "else_clause")
        return self.outputs(named(otherwise)[0]) if otherwise else []

    def do_foreach_statement(self, node):
        variable, source, block = named(node)
        outputs = []
        for item in as_list(self.value(source)):
            self.set(text(variable), item)
            outputs += self.outputs(block)
        return outputs

    def do_while_statement(self, node):
        condition, block = named(node)
        outputs = []
        while truth(self.value(condition)):
            outputs += self.outputs(block)
        return outputs

    def do_try_statement(self, node):
        clauses, last = child(node, "catch_clauses"), child(node, "finally_clause")
        try:
            return self.outputs(named(node)[0])
        except Thrown as thrown:
            if not clauses:
                raise
            self.set("$_", str(thrown))
            self.thrown = thrown
            return self.outputs(named(named(clauses)[0])[0])
        finally:
            if last:
                self.outputs(named(last)[0])

    def do_flow_control_statement(self, node):
        word, values = node.children[0].type, [self.value(part) for part in named(node)]
        if word == "return":
            raise Returned(values[0] if values else None)
        assert word == "throw", word
        raise Thrown(string(values[0])) if values else self.thrown

    def do_pipeline(self, node):
        first = named(node)[0]
        if first.type == "assignment_expression":
            self.assign(first)
            return []
        return as_list(self.value(node))

    def assign(self, node):
        target, operator, source = named(node)[:3]
        value = self.value(source)
        while target.type not in ("variable", "member_access", "element_access"):
            target = named(target)[0]
        if text(operator) == "+=":
            value = as_list(self.value(target)) + as_list(value)
        if target.type == "variable":
            self.set(text(target), value)
        elif not text(target).startswith("["):  # a property of .NET's own is not kept
            table, key = named(target)
            self.value(table)[text(key) if target.type == "member_access" else string(self.value(key))] = value

    # Expressions: each has one value.

    def value(self, node):
        expression = getattr(self, "of_" + node.type, None)
        if expression and (len(node.children) != 1 or not node.type.endswith("_expression")):
            return expression(node)
        assert len(named(node)) == 1, f"{node.type} is not known here: {text(node)}"
        return self.value(named(node)[0])

    def of_variable(self, node):
        return self.get(text(node))

    def of_command_name(self, node):
        return text(node)

    def of_generic_token(self, node):
        return text(node)

    def of_decimal_integer_literal(self, node):
        return int(text(node))

    def of_verbatim_string_characters(self, node):
        return text(node)[1:-1].replace("''", "'")

    def of_expandable_string_literal(self, node):
        written, at = "", node.start + 1
        for part in [part for part in node.children if part.type in ("variable", "sub_expression")]:
            written += unescaped(node.text[at - node.start : part.start - node.start]) + string(self.value(part))
            at = part.end
        return written + unescaped(node.text[at - node.start : -1])

    def of_sub_expression(self, node):
        return as_one(self.outputs(named(node)[0]))

    def of_array_expression(self, node):
        return [output for part in named(node) for output in self.outputs(part)]

    def of_array_literal_expression(self, node):
        return [self.value(part) for part in named(node)]

    def of_script_block_expression(self, node):
        return node

    def of_hash_literal_expression(self, node):
        table = Table()
        for body in named(node):
            for key, value in map(named, named(body)):
                table[text(key)] = self.value(value)
        return table

    def of_expression_with_unary_operator(self, node):
        assert text(node.children[0]) == "-not", text(node)
        return not truth(self.value(node.children[1]))

    def of_logical_expression(self, node):
        left, operator, right = node.children
        first = truth(self.value(left))
        return first if first == (operator.type == "-or") else truth(self.value(right))

    def of_bitwise_expression(self, node):
        return 0  # the versions of TLS, which nothing here asks for

    def of_comparison_expression(self, node):
        left, operator, right = node.children
        return COMPARISONS[text(operator)](self.value(left), self.value(right))

    def of_additive_expression(self, node):
        left, operator, right = node.children
        assert operator.type == "+", text(node)
        return self.value(left) + self.value(right)

    def of_multiplicative_expression(self, node):
        left, operator, right = node.children
        assert operator.type == "*", text(node)
        return self.value(left) * self.value(right)

    def of_format_expression(self, node):
        left, _, right = node.children
        return self.value(left).replace("{0}", string(self.value(right)))

    def of_member_access(self, node):
        holder, member = named(node)
        if text(node).startswith("["):
            return text(node)
        value, name = self.value(holder), text(member).lower()
        if isinstance(value, Table):
            return list(value) if name == "keys" else value[name]
        if name in ("count", "length") and isinstance(value, (list, str)):
            return len(value)
        return value.properties[name]

    def of_element_access(self, node):
        holder, index = map(self.value, named(node))
        return holder[index]

    def of_invokation_expression(self, node):
        holder, name = named(node)[:2]
        arguments = [self.value(part) for group in named(child(node, "argument_list")) for part in split_list(group)]
        name = text(name).lower()
        if text(holder).startswith("[") and holder.type != "invokation_expression":
            return self.machine.static(text(holder), name, arguments)
        value = self.value(holder)
        if isinstance(value, str):
            return STRINGS[name](value, *arguments)
        if isinstance(value, Table):
            return Table(value)  # .Clone()
        return getattr(value, "call_" + name)(*arguments)

    def of_pipeline_chain(self, node):
        first, *rest = named(node)
        value = self.value(first)
        for command in rest:
            value = self.command(command, as_list(value))
        return value

    of_pipeline = of_pipeline_chain

    def of_command(self, node):
        return self.command(node, [])

    # Commands

    def command(self, node, piped):
        invoked = child(node, "command_invokation_operator") is not None
        name = self.value(child(node, "command_name_expr")) if invoked else text(child(node, "command_name"))
        places, names = self.arguments(child(node, "command_elements"), invoked)
        if not isinstance(name, str):
            return as_one(self.call_block(name, places, {}))
        if name.lower() in self.functions:
            return as_one(self.call(self.functions[name.lower()], places))
        if name in ("ForEach-Object", "Where-Object"):
            outputs = [(item, self.call_block(places[0], [], {"_": item})) for item in piped]
            if name == "Where-Object":
                return as_one([item for item, output in outputs if truth(as_one(output))])
            return as_one([result for _, output in outputs for result in output])
        if invoked:
            return self.machine.program(name, [word for place in places for word in as_list(place)])
        return self.machine.cmdlet(name, places, names, piped)

    def arguments(self, elements, of_program):
        places, names, waiting = [], {}, None
        for element in [element for element in named(elements) if text(element) != "2>&1"] if elements else []:
            if element.type == "command_parameter" and not of_program:
                waiting = text(element)[1:].lower()
                names[waiting] = True
                waiting = None if waiting in SWITCHES else waiting
            elif element.type == "command_parameter":
                places.append(text(element))
            elif waiting:
                names[waiting], waiting = self.value(element), None
            elif text(element).startswith("@") and text(element)[1:].isalpha():
                places += as_list(self.get(text(element)))
            else:
                places.append(self.value(element))
        return places, names

    def call(self, function, arguments):
        declared = child(function, "function_parameter_declaration") or child(child(function, "script_block"), "param_block")
        return self.in_scope({}, declared, arguments, child(function, "script_block"))

    def call_block(self, block, arguments, scope):
        return self.in_scope(scope, child(block, "param_block"), arguments, child(block, "script_block"))

    def in_scope(self, scope, declared, arguments, body):
        self.scopes.append(scope)
        try:
            if declared:
                self.bind(named(child(declared, "parameter_list")), arguments)
            return self.outputs(body)
        except Returned as returned:
            return as_list(returned.args[0])
        finally:
            self.scopes.pop()

    def bind(self, parameters, arguments):
        for place, parameter in enumerate(parameters):
            default = child(parameter, "script_parameter_default")
            value = arguments[place] if place < len(arguments) else self.value(named(default)[0]) if default else None
            kind = text(parameter).split("$")[0].strip()
            self.scopes[-1][variable_of(parameter).lower()] = KINDS.get(kind, lambda same: same)(value)

    # Variables

    def get(self, written):
        name = written.strip("${}@").lower()
        if name.startswith("env:"):
            return self.machine.env.get(name[4:])
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return self.machine.variables(self.text)[name]

    def set(self, written, value):
        name = written.strip("${}").lower()
        if name.startswith("env:"):
            self.machine.env[name[4:]] = value
        elif name.startswith("global:"):
            assert name == "global:lastexitcode", name
            self.machine.code = value
        else:
            self.scopes[-1][name] = value
