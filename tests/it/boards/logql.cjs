// Parses each line of stdin with Grafana's own grammar of LogQL, and names those that are no query.
const { parser } = require("@grafana/lezer-logql");

const wrong = [];
for (const query of require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  parser.parse(query).iterate({
    enter(node) {
      if (node.type.isError) wrong.push(`at ${node.from}: ${query}`);
    },
  });
}
if (wrong.length > 0) {
  console.error(wrong.join("\n"));
  process.exitCode = 1;
}
