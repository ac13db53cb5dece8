// All entities of one kind, with who answers for them.
// params:  $kind STRING, such as Host
// returns: uid STRING, name STRING, owner STRING (of its label; null where none is given),
//          validFrom ZONED DATETIME (since when it is known)
// order:   name, uid
MATCH (entity:Entity {kind: $kind})
WHERE entity.validTo IS NULL
RETURN
  entity.uid AS uid,
  entity.name AS name,
  entity.label_owner AS owner,
  entity.validFrom AS validFrom
ORDER BY name, uid
