// How many entities of each kind the estate has.
// params:  none
// returns: kind STRING, entities INTEGER (>= 1)
// order:   kind
MATCH (entity:Entity)
WHERE entity.validTo IS NULL
RETURN
  entity.kind AS kind,
  count(*) AS entities
ORDER BY kind
