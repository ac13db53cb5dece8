// Entities of one kind with one name: two things, or one that two sources don't agree about?
// params:  none
// returns: kind STRING, name STRING, uids LIST<STRING> (sorted, two or more)
// order:   kind, name
MATCH (entity:Entity)
WHERE entity.validTo IS NULL
WITH entity
ORDER BY entity.uid
WITH entity.kind AS kind, entity.name AS name, collect(entity.uid) AS uids
WHERE size(uids) > 1
RETURN
  kind,
  name,
  uids
ORDER BY kind, name
