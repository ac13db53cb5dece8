// Entities with a part in their name, whatever their kind; upper and lower case are the same.
// params:  $text STRING, a part of the name
// returns: uid STRING, kind STRING, name STRING
// order:   kind, name, uid
MATCH (entity:Entity)
WHERE entity.validTo IS NULL AND toLower(entity.name) CONTAINS toLower($text)
RETURN
  entity.uid AS uid,
  entity.kind AS kind,
  entity.name AS name
ORDER BY kind, name, uid
