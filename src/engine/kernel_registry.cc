#include <unordered_map>

#include "base/check.h"
#include "engine/functions/lists.h"
#include "engine/kernel.h"

namespace millrace::engine {
namespace {

class Registry {
 public:
  static const Registry& Instance() {
    static const Registry registry;
    return registry;
  }

  const KernelFactory* Find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }

 private:
  Registry() {
    for (const auto list : {
             ArithmeticKernels(), ComparisonKernels(), StringKernels(),     StringJoinKernels(),
             TextSearchKernels(), RegexpKernels(),     MathKernels(),       RoundingKernels(),
             HashKernels(),       SparkHashKernels(),  CollectionKernels(), MapKernels(),
             LambdaKernels(),     TextMakingKernels(), EncodingKernels(),   UrlKernels(),
             JsonKernels(),       RandomKernels(),     SequenceKernels(),   RaisingKernels(),
             CalendarKernels(),   TimestampKernels(),
         }) {
      for (const KernelRegistration& kernel : list) {
        const bool fresh = by_name_.emplace(kernel.name, &kernel.factory).second;
        MR_CHECK(fresh, "every function has one kernel");
      }
    }
  }

  std::unordered_map<std::string_view, const KernelFactory*> by_name_;
};

}  // namespace

const KernelFactory* FindKernel(std::string_view function_name) {
  return Registry::Instance().Find(function_name);
}

}  // namespace millrace::engine
