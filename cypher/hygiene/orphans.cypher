// Entities that neither depend on anything nor are needed: often a source that lacks relations.
// params:  none
// returns: uid STRING, kind STRING, name STRING
// order:   kind, name, uid
MATCH (entity:Entity)
WHERE
  entity.validTo IS NULL
  AND NOT EXISTS {
    MATCH (entity)--(:Entity)
  }
RETURN
  entity.uid AS uid,
  entity.kind AS kind,
  entity.name AS name
ORDER BY kind, name, uid
