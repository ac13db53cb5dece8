// What was proposed and done about an incident.
// params:  $incident STRING, its id
// returns: id STRING, state STRING, because STRING, createdAt ZONED DATETIME,
//          updatedAt ZONED DATETIME
// order:   createdAt (newest first), id
MATCH (plan:Plan)-[:OF]->(:Incident {id: $incident})
RETURN
  plan.id AS id,
  plan.state AS state,
  plan.because AS because,
  plan.createdAt AS createdAt,
  plan.updatedAt AS updatedAt
ORDER BY createdAt DESC, id
