// Relations that opened or closed before an incident, on what the entities that it hits lean on.
// params:  $incident STRING, its id
//          $minutes INTEGER, how long before it was opened
// returns: at ZONED DATETIME, change STRING (opened or closed), dependent STRING (name),
//          type STRING, dependency STRING (name), hops INTEGER (from who is hit, 0 to 4)
// order:   at (newest first), dependent, type, dependency, change
MATCH (incident:Incident {id: $incident})-[:HITS|EXPLAINED_BY]->(hit:Entity)
MATCH path = ANY SHORTEST
  (hit)
  -[:RUNS_ON|STORED_ON|ATTACHED_TO|CONNECTED_TO|POWERED_BY|USES|DEPENDS_ON|CALLS|BALANCES]->{0,4}
  (near:Entity)
WITH incident, near, min(length(path)) AS hops
WITH
  incident,
  near,
  hops,
  incident.openedAt - duration({minutes: $minutes}) AS since
CALL (near, since, incident) {
  MATCH (near)-[r]->(dependency:Entity)
  WHERE since <= r.validFrom <= incident.openedAt
  RETURN
    r.validFrom AS at,
    'opened' AS change,
    type(r) AS type,
    dependency.name AS dependency
  UNION ALL
  MATCH (past:PastRelation {dependent: near.uid})
  WHERE since <= past.validTo <= incident.openedAt
  MATCH (dependency:Entity {uid: past.dependency})
  RETURN
    past.validTo AS at,
    'closed' AS change,
    past.type AS type,
    dependency.name AS dependency
}
RETURN
  at,
  change,
  near.name AS dependent,
  type,
  dependency,
  hops
ORDER BY at DESC, dependent, type, dependency, change
