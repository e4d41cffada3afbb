# Language level, warnings, hardening, linker and compiler cache: one place for the whole tree.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Without precompiled headers an object depends on its sources alone, and every build folder shares ccache's objects:
# right for development. With them a cold build is shorter: right for `make run`.
option(MILLRACE_PCH "Precompile the standard headers" OFF)

find_program(MILLRACE_CCACHE ccache)
if(MILLRACE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros "${MILLRACE_CCACHE}")
endif()

find_program(MILLRACE_MOLD mold)
if(MILLRACE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
                    -fno-omit-frame-pointer -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # __int128 is what DECIMAL(38) is computed in; g++ 12 warns falsely of some moved-from optionals.
  add_compile_options(-Wno-pedantic -Wno-maybe-uninitialized)
  # At -O2 g++ 12 also warns falsely of std::string (GCC bugs 105329 and 105651).
  add_compile_options($<$<CONFIG:Release>:-Wno-array-bounds> $<$<CONFIG:Release>:-Wno-stringop-overflow>
                      $<$<CONFIG:Release>:-Wno-restrict> $<$<CONFIG:Release>:-Wno-stringop-overread>)
else()
  # libstdc++ 12 itself calls std::get_temporary_buffer, which C++23 deprecates; a capture may be used in some
  # instances of a template only.
  add_compile_options(-Wno-gnu -Wno-pedantic -Wno-unknown-warning-option -Wno-deprecated-declarations
                      -Wno-unused-lambda-capture)
endif()
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  add_compile_options(-msse4.2 -mpclmul)
endif()
if(MILLRACE_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess)
endif()
add_compile_definitions($<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)

set(MILLRACE_SANITIZE "" CACHE STRING "Comma-separated sanitizers, e.g. address,undefined or thread")
if(MILLRACE_SANITIZE)
  add_compile_options(-fsanitize=${MILLRACE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MILLRACE_SANITIZE})
  if(MILLRACE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Boost.Asio's fences, which ThreadSanitizer does not see: reports about them would be false.
    add_compile_options(-Wno-tsan)
  endif()
endif()
