# Devices that are plug-ins: libkin_cuda.so where nvcc is found, libkin_pretend.so (the same sources
# for the CPU) where a C++ compiler is found. A plug-in is cuda/*.cu, one source for each loss and
# element op made from the lists, and core's arena.
option(KIN_CUDA "the CUDA plug-in, where nvcc is found" ON)
option(KIN_CUDA_QUICK "compile the CUDA plug-in in half the time, for slower kernels" OFF)
option(KIN_PRETEND "the pretend device of the tests, where a C++ compiler is found" ON)

include(CheckLanguage)
if(KIN_CUDA OR KIN_PRETEND)
  check_language(CXX)
endif()
if(KIN_CUDA AND CMAKE_CXX_COMPILER)
  check_language(CUDA)
endif()

# kin_device_sources(<variable>): the .cu files of a plug-in, those made from the lists included.
function(kin_device_sources variable)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cuda/*.cu)
  foreach(kind LOSS=score=KIN_LOSS_ID=losses/losses.def ROW_LOSS=row=KIN_LOSS_ID=losses/losses.def
               ELEMENT=element=KIN_ELEMENT=autograd/elements.def)
    string(REPLACE "=" ";" kind ${kind})
    list(GET kind 0 word)
    list(GET kind 1 loop)
    list(GET kind 2 macro)
    list(GET kind 3 list_file)
    kin_listed(names ${CMAKE_SOURCE_DIR}/${list_file} ${word})
    foreach(name ${names})
      set(made ${CMAKE_BINARY_DIR}/device/${loop}_${name}.cu)
      file(CONFIGURE OUTPUT ${made} @ONLY
           CONTENT "#define ${macro} ${name}\n#include \"cuda/loops/${loop}.cu\"\n")
      list(APPEND sources ${made})
    endforeach()
  endforeach()
  set(${variable} ${sources} PARENT_SCOPE)
endfunction()

kin_wall(cuda core autograd losses cuda)
kin_device_sources(device_sources)

if(KIN_CUDA AND CMAKE_CUDA_COMPILER AND NOT KIN_SANITIZE)
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 90)
  endif()
  enable_language(CXX)
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
  add_library(kin_cuda MODULE ${device_sources} core/arena.c)
  target_include_directories(kin_cuda PRIVATE ${CMAKE_BINARY_DIR}/walls/cuda)
  target_link_libraries(kin_cuda PRIVATE CUDA::cublas)
  set_target_properties(kin_cuda PROPERTIES
    CUDA_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_compile_options(kin_cuda PRIVATE
    "$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;-Werror=all-warnings;-lineinfo>")
  if(KIN_CUDA_QUICK AND CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12.9)
    target_compile_options(kin_cuda PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--Ofast-compile=max>)
  endif()
  install(TARGETS kin_cuda DESTINATION lib/kin)          # where core/plugin.c looks
endif()

if(KIN_PRETEND AND CMAKE_CXX_COMPILER)
  enable_language(CXX)
  include(cmake/pretend.cmake)
  kin_pretend_plugin(${device_sources})
  if(BUILD_TESTING)
    kin_pretend_tests()
  endif()
endif()
