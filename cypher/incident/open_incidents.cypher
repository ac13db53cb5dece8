// What is wrong now: open incidents, with what their likeliest hypothesis blames.
// params:  none
// returns: id STRING, title STRING, openedAt ZONED DATETIME, posterior FLOAT (that it is these
//          faults and no others, 0 to 1; null where nothing is blamed), causes LIST<STRING>
//          (kind and name, sorted), hit INTEGER (>= 0)
// order:   openedAt (newest first), id
MATCH (incident:Incident {status: 'open'})
OPTIONAL MATCH (incident)-[:HAS_HYPOTHESIS]->(hypothesis:Hypothesis {rank: 1})
OPTIONAL MATCH (hypothesis)-[:BLAMES]->(cause:Entity)
WITH incident, hypothesis, cause.kind + ' ' + cause.name AS named
ORDER BY named
WITH incident, hypothesis, collect(named) AS causes
RETURN
  incident.id AS id,
  incident.title AS title,
  incident.openedAt AS openedAt,
  hypothesis.posterior AS posterior,
  causes,
  COUNT { (incident)-[:HITS]->(:Entity) } AS hit
ORDER BY openedAt DESC, id
