// On what the most entities depend within four hops: what to make redundant, and watch, first.
// params:  $limit INTEGER, how many
// returns: uid STRING, kind STRING, name STRING, dependents INTEGER (>= 1)
// order:   dependents (most first), kind, name, uid
MATCH (entity:Entity)
WHERE entity.validTo IS NULL
MATCH
  (dependent:Entity)
  -[:RUNS_ON|STORED_ON|ATTACHED_TO|CONNECTED_TO|POWERED_BY|USES|DEPENDS_ON]->{1,4}
  (entity)
WHERE dependent <> entity
WITH entity, count(DISTINCT dependent) AS dependents
RETURN
  entity.uid AS uid,
  entity.kind AS kind,
  entity.name AS name,
  dependents
ORDER BY dependents DESC, kind, name, uid
LIMIT $limit
