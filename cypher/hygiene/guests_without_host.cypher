// Guests of which no source says where they run, or where their disks are.
// params:  none
// returns: uid STRING, name STRING, missing LIST<STRING> (RUNS_ON, STORED_ON)
// order:   name, uid
MATCH (guest:VirtualMachine)
WHERE guest.validTo IS NULL
WITH
  guest,
  CASE WHEN EXISTS { (guest)-[:RUNS_ON]->(:Entity) } THEN [] ELSE ['RUNS_ON'] END
    + CASE WHEN EXISTS { (guest)-[:STORED_ON]->(:Entity) } THEN [] ELSE ['STORED_ON'] END
    AS missing
WHERE size(missing) > 0
RETURN
  guest.uid AS uid,
  guest.name AS name,
  missing
ORDER BY name, uid
