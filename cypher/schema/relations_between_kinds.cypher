// Which kinds are joined by which relations in this graph, and how often.
// params:  none
// returns: dependent STRING (kind), type STRING, dependency STRING (kind),
//          relations INTEGER (>= 1)
// order:   dependent, type, dependency
MATCH (dependent:Entity)-[r]->(dependency:Entity)
RETURN
  dependent.kind AS dependent,
  type(r) AS type,
  dependency.kind AS dependency,
  count(*) AS relations
ORDER BY dependent, type, dependency
