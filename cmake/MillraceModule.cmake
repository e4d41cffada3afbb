# millrace_module(NAME <folder> DEPS <modules...> LIBS <third-party targets...> HIDDEN <third-party targets...>)
#
# A folder under src/ is one static library. `x.cc` belongs to the library, `x_test.cc` to the module's test program
# `<folder>_test`, `x_fuzz.cc` is one libFuzzer program each (its corpus is replayed by the tests), `main.cc` and
# `x_bench.cc` belong to nobody here. DEPS are the modules this one may include directly (tests/layering_test.py holds
# the source to it); LIBS are third-party libraries whose headers may appear in ours, HIDDEN those that stay in .cc files.
function(millrace_module)
  cmake_parse_arguments(ARG "" "NAME" "DEPS;LIBS;HIDDEN" ${ARGN})
  file(GLOB_RECURSE all_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  set(sources ${all_sources})
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|_bench|/main)\\.cc$")
  set(tests ${all_sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(fuzzers ${all_sources})
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")

  set(target millrace_${ARG_NAME})
  set(deps ${ARG_DEPS})
  list(TRANSFORM deps PREPEND millrace_)
  if(sources)
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC "${CMAKE_SOURCE_DIR}/src")
    target_link_libraries(${target} PUBLIC ${deps} ${ARG_LIBS} PRIVATE ${ARG_HIDDEN})
    if(MILLRACE_PCH)
      target_precompile_headers(${target} PRIVATE "${CMAKE_SOURCE_DIR}/cmake/millrace_pch.h")
    endif()
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE "${CMAKE_SOURCE_DIR}/src")
    target_link_libraries(${target} INTERFACE ${deps} ${ARG_LIBS})
  endif()

  if(MILLRACE_TESTS AND tests)
    set(test_target ${ARG_NAME}_test)

    add_executable(${test_target} ${tests})
    target_link_libraries(${test_target} PRIVATE ${target} ${ARG_HIDDEN} GTest::gtest GTest::gtest_main)
    target_compile_definitions(${test_target} PRIVATE
      MILLRACE_SOURCE_DIR="${CMAKE_SOURCE_DIR}" MILLRACE_MODULE_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
    add_test(NAME ${ARG_NAME} COMMAND ${test_target})
    set_tests_properties(${ARG_NAME} PROPERTIES TIMEOUT 900)
  endif()

  foreach(fuzzer IN LISTS fuzzers)
    get_filename_component(fuzz_target "${fuzzer}" NAME_WE)
    if(MILLRACE_FUZZ)
      add_executable(${fuzz_target} "${fuzzer}")
      target_link_libraries(${fuzz_target} PRIVATE ${target} ${ARG_HIDDEN})
      target_compile_options(${fuzz_target} PRIVATE -fsanitize=fuzzer)
      target_link_options(${fuzz_target} PRIVATE -fsanitize=fuzzer)
    elseif(MILLRACE_TESTS)
      # Without libFuzzer the same entry point replays the corpus stored beside it: corpus/<fuzzer name>/*.
      add_executable(${fuzz_target}_replay "${fuzzer}" "${CMAKE_SOURCE_DIR}/tests/fuzz_replay_main.cc")
      target_link_libraries(${fuzz_target}_replay PRIVATE ${target} ${ARG_HIDDEN})
      add_test(NAME ${fuzz_target}_replay COMMAND ${fuzz_target}_replay "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${fuzz_target}")
      set_tests_properties(${fuzz_target}_replay PROPERTIES TIMEOUT 120)
    endif()
  endforeach()
endfunction()
