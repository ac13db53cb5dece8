// Who answers for how many entities of which kind; last those of which nobody is named.
// params:  none
// returns: owner STRING (of the label; null where none is given), kind STRING,
//          entities INTEGER (>= 1)
// order:   owner, kind
MATCH (entity:Entity)
WHERE entity.validTo IS NULL
RETURN
  entity.label_owner AS owner,
  entity.kind AS kind,
  count(*) AS entities
ORDER BY owner, kind
