// The constraints that the store keeps, and on what.
// params:  none
// returns: name STRING, labels LIST<STRING>, properties LIST<STRING>
// order:   name
SHOW CONSTRAINTS
YIELD name, labelsOrTypes, properties
WHERE name STARTS WITH 'kgraph_'
RETURN
  name,
  labelsOrTypes AS labels,
  properties
ORDER BY name
