#include "pipeline/select.h"

#include "connect/batch_sources.h"

namespace millrace::pipeline {

Result<sql::PlanPtr> BindSelect(const Project& project, const std::string& sql) {
  sql::BoundQuery bound = sql::BindQuery(sql, ProjectCatalog(project, false), {});
  if (bound.plan == nullptr) return std::unexpected(sql::ToError(bound.errors, "query"));
  return std::move(bound.plan);
}

Result<SelectEnd> RunSelect(Workspace& workspace, const sql::Plan& plan, const CancelToken& cancel,
                            const engine::BatchCallback& give) {
  connect::LocalSources sources(workspace.topics(), workspace.store(), workspace.fs());
  for (const auto& [name, reference] : workspace.project().references)
    sources.AddReference(name, reference.path);
  engine::BatchOptions options;
  options.cancel = &cancel;
  options.context.now_us = workspace.clock().Now().value;
  SelectEnd end;
  MR_ASSIGN(end.stats, engine::RunBatch(plan, sources, options, give));
  end.unreadable_records = sources.unreadable_records();
  return end;
}

}  // namespace millrace::pipeline
