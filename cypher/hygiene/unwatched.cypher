// Entities that nothing looks at: they can fail unseen.
// params:  none
// returns: uid STRING, kind STRING, name STRING, dependents INTEGER (direct, >= 0)
// order:   dependents (most first), kind, name, uid
// Watched means: a signal is looked at, or a probe watches it.
MATCH (entity:Entity)
WHERE
  entity.validTo IS NULL
  AND entity.kind <> 'Probe'
  AND entity.watched IS NULL
  AND NOT EXISTS { (entity)-[:WATCHED_BY]->(:Entity) }
RETURN
  entity.uid AS uid,
  entity.kind AS kind,
  entity.name AS name,
  COUNT { (entity)<-[:!WATCHED_BY&!MEMBER_OF&!LOCATED_IN]-(:Entity) } AS dependents
ORDER BY dependents DESC, kind, name, uid
