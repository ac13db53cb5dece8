// Which guests run on which host; hosts without any come with none.
// params:  none
// returns: uid STRING (of the host), host STRING, guests INTEGER (>= 0),
//          names LIST<STRING> (of the guests, sorted)
// order:   guests (most first), host, uid
MATCH (host:Host)
WHERE host.validTo IS NULL
OPTIONAL MATCH (guest:VirtualMachine)-[:RUNS_ON]->(host)
WITH DISTINCT host, guest
ORDER BY guest.name
WITH host, collect(guest.name) AS names
RETURN
  host.uid AS uid,
  host.name AS host,
  size(names) AS guests,
  names
ORDER BY guests DESC, host, uid
