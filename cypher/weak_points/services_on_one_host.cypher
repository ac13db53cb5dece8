// Software whose copies all run on one host, by whatever way.
// params:  none
// returns: uid STRING, kind STRING, name STRING, copies INTEGER (>= 2), host STRING (name)
// order:   kind, name, uid
MATCH (software:Entity)-[r:RUNS_ON]->(copy:Entity)
WHERE software.kind IN ['Application', 'Database', 'LoadBalancer', 'Queue', 'Service']
WITH software, collect(DISTINCT copy) AS copies
WHERE size(copies) >= 2
WITH
  software,
  copies,
  COLLECT {
    UNWIND copies AS copy
    MATCH (copy)-[:RUNS_ON]->{0,3}(host:Host)
    RETURN DISTINCT host
  } AS hosts
WHERE size(hosts) = 1
RETURN
  software.uid AS uid,
  software.kind AS kind,
  software.name AS name,
  size(copies) AS copies,
  hosts[0].name AS host
ORDER BY kind, name, uid
