// Relations that a source tells of, and whose ends nobody has told of yet.
// params:  none
// returns: source STRING, scope STRING, dependent STRING (the source's own key), type STRING,
//          dependency STRING (the source's own key)
// order:   source, scope, dependent, type, dependency
MATCH (pending:_KgPending)
MATCH (scope:_KgScope {id: pending.scope})
RETURN
  scope.source AS source,
  scope.scope AS scope,
  pending.a AS dependent,
  pending.type AS type,
  pending.b AS dependency
ORDER BY source, scope, dependent, type, dependency
