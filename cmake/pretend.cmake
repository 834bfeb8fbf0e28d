# The pretend device (tests/devices/pretend): a C++ compiler makes a plug-in and tests out of the
# .cu files that nvcc compiles for a GPU. Needs enable_language(CXX).

set(KIN_PRETEND_FOLDER ${CMAKE_SOURCE_DIR}/tests/devices/pretend)

# kin_pretend_options(<target>): what all targets of this file have in common.
function(kin_pretend_options target)
  set_target_properties(${target} PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON
                        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
                        POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${target} BEFORE PRIVATE ${KIN_PRETEND_FOLDER})
  target_compile_options(${target} PRIVATE -Wall -Wextra -Werror -g1)
endfunction()

# The device itself. It switches stacks, which the thread sanitizer cannot follow: it is told.
function(kin_pretend_device)
  if(TARGET kin_pretend_device)
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${KIN_PRETEND_FOLDER}/*.cpp)
  add_library(kin_pretend_device OBJECT ${sources})
  kin_pretend_options(kin_pretend_device)
  target_compile_options(kin_pretend_device PRIVATE -O2)
  if(KIN_SANITIZE MATCHES thread)
    target_compile_options(kin_pretend_device PRIVATE -fno-sanitize=thread)
    target_compile_definitions(kin_pretend_device PRIVATE PRETEND_TSAN)
  endif()
endfunction()

# kin_pretend_kernels(<target> <.cu file>...): adds the files as C++. A source's language is known
# only in its own folder, so that a file of another name includes each. Loss files are C, which
# warns of less. Watched are an index outside an array, a misaligned vector and an integer's
# overflow; without the sanitizers' own words they end in an instruction that is none, which the
# device explains. Under sanitizers -O0: compiling is most of what such a build does with them.
function(kin_pretend_kernels target)
  set(folder ${CMAKE_BINARY_DIR}/generated/${target})
  set(level -O1)
  if(KIN_SANITIZE)
    set(level -O0)
  endif()
  foreach(source ${ARGN})
    get_filename_component(stem ${source} NAME_WE)
    file(CONFIGURE OUTPUT ${folder}/${stem}.cpp CONTENT "#include \"${source}\"\n" @ONLY)
    target_sources(${target} PRIVATE ${folder}/${stem}.cpp)
    set_property(SOURCE ${folder}/${stem}.cpp PROPERTY COMPILE_OPTIONS ${level} -Wno-unknown-pragmas
                 -Wno-missing-field-initializers -Wno-deprecated-enum-float-conversion)
    if(KIN_SANITIZE MATCHES undefined)
      set(watch -fno-sanitize=undefined)
    else()
      set(watch -fsanitize-undefined-trap-on-error)
    endif()
    set_property(SOURCE ${folder}/${stem}.cpp APPEND PROPERTY COMPILE_OPTIONS ${watch}
                 -fsanitize=bounds,alignment,signed-integer-overflow)
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)           # shared memory needs no constructors
      set_property(SOURCE ${folder}/${stem}.cpp APPEND PROPERTY COMPILE_OPTIONS
                   -fno-extern-tls-init)
    endif()
  endforeach()
  kin_pretend_device()
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:kin_pretend_device>)
  kin_pretend_options(${target})
endfunction()

# kin_pretend_plugin(<.cu file>...): build/libkin_pretend.so, whose wall is that of room cuda.
function(kin_pretend_plugin)
  add_library(kin_pretend MODULE core/arena.c)
  set_target_properties(kin_pretend PROPERTIES C_VISIBILITY_PRESET hidden)
  kin_pretend_kernels(kin_pretend ${ARGN})
  target_include_directories(kin_pretend PRIVATE ${CMAKE_BINARY_DIR}/walls/cuda)
  target_compile_definitions(kin_pretend PRIVATE KIN_DEVICE_NAME="pretend")
  target_link_options(kin_pretend PRIVATE -Wl,-z,nodelete)
  set_target_properties(kin_pretend PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()

# The device's own test: healthy kernels in many orders, and planted faults, each of which must be
# caught.
function(kin_pretend_tests)
  set(here ${CMAKE_SOURCE_DIR}/tests/devices)
  add_executable(test_devices_test_pretend ${here}/test_pretend.cpp)
  kin_pretend_kernels(test_devices_test_pretend ${here}/faults.cu ${here}/meetings.cu)
  target_include_directories(test_devices_test_pretend PRIVATE ${here})
  add_test(NAME devices.test_pretend COMMAND test_devices_test_pretend)
endfunction()
