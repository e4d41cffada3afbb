// What a project's keyspaces, types and tables are on a cluster: compared, created, altered.
//
//   MR_ASSIGN(const SchemaPlan plan, CompareSchema(client, wanted));
//   MR_TRY(plan.Check());                           // differences nobody can apply
//   MR_TRY(ApplySchema(client, plan, /*alter=*/false));
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cql/client/client.h"
#include "store/schema.h"

namespace millrace::cql {

struct WantedSchema {
  std::vector<store::Keyspace> keyspaces;
  std::vector<store::UserType> types;
  std::vector<store::TableSchema> tables;
};

// One statement that brings the cluster closer, and why.
struct SchemaStep {
  std::string object;  // "table users.by_id"
  std::string reason;  // "is missing", "column age is missing"
  std::string cql;     // empty: no statement can do it
  bool creates = false;
};

struct SchemaPlan {
  std::vector<SchemaStep> steps;  // in the order they are to be run
  // kInvalidArgument names every step that no statement can do; with `alter` false also those that
  // change what is there.
  Status Check(bool alter) const;
};

// Replication is the cluster's own matter and is not compared; columns of the cluster that the
// project does not have are let be when they are no key columns.
Result<SchemaPlan> CompareSchema(Client& client, const WantedSchema& wanted);

// Checks the plan, runs its statements, and waits until all nodes agree on the schema.
Status ApplySchema(Client& client, const SchemaPlan& plan, bool alter);

// The tables of a keyspace as they are on the cluster. One with types that the store does not have
// is kUnsupported.
Result<std::vector<store::TableSchema>> ReadTables(Client& client, const std::string& keyspace);

}  // namespace millrace::cql
