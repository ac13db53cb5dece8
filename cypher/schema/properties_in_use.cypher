// Which properties the entities of each kind have in this graph.
// params:  none
// returns: kind STRING, property STRING, entities INTEGER (>= 1)
// order:   kind, property
MATCH (entity:Entity)
WHERE entity.validTo IS NULL
UNWIND keys(entity) AS property
WITH entity, property
WHERE NOT property STARTS WITH '_'
RETURN
  entity.kind AS kind,
  property,
  count(*) AS entities
ORDER BY kind, property
