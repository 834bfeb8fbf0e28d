# Loops: sources that are compiled once for each instruction set (kin64: plain only) and chosen at
# run time. A loop source defines its symbols as KIN_VARIANT(name), which becomes name_avx512 and so
# on. Sources below cpu/loops/ are compiled only in this way.

set(KIN_ISAS plain)
set(KIN_ISA_FLAGS_plain "")
# One instruction set is enough for readers of damaged files.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8
   AND NOT KIN_FUZZ)
  list(APPEND KIN_ISAS avx2 avx512)
  set(KIN_ISA_FLAGS_avx2 -mavx2 -mfma)
  set(KIN_ISA_FLAGS_avx512 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma
      -mprefer-vector-width=512)
  foreach(kin kin kin64)
    target_compile_definitions(${kin}_cpu PRIVATE KIN_X86)
  endforeach()
endif()

# Sanitizers find nothing in what this machine cannot run: it is only compiled. Undefined behaviour
# is the same in every variant: the plain one is watched.
set(KIN_ONLY_COMPILED "")
if(KIN_SANITIZE AND EXISTS /proc/cpuinfo)
  file(STRINGS /proc/cpuinfo known REGEX "^flags.* avx512vl" LIMIT_COUNT 1)
  if(NOT known)
    set(KIN_ONLY_COMPILED avx512)
  endif()
endif()
# In double this room is the same source but for a few lines, and its loops take long to compile.
if(KIN_SANITIZE)
  target_compile_options(kin64_cpu PRIVATE -fno-sanitize=all)
endif()

set(KIN_LOOP_FLAGS -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math -fno-signed-zeros)

# Sums become vector code only when they may be reordered (in an order that the compiled code then
# fixes). Only files that sum get this flag: it also undoes what is written to keep digits.
set(KIN_SUM_FLAGS -fassociative-math)

# kin_loops(<name> SOURCE <file> [DEFINES <macro=value>...] [FLAGS <flag>...]): adds the variants of
# one source. name tells apart the times that a source is compiled with different macros.
function(kin_loops name)
  cmake_parse_arguments(LOOPS "" "SOURCE" "DEFINES;FLAGS" ${ARGN})
  foreach(isa ${KIN_ISAS})
    set(file ${CMAKE_BINARY_DIR}/loops/${name}_${isa}.c)
    set(text "#define KIN_ISA_NAME ${isa}\n")
    foreach(define ${LOOPS_DEFINES})
      string(REPLACE "=" " " define "${define}")
      string(APPEND text "#define ${define}\n")
    endforeach()
    string(APPEND text "#include \"${LOOPS_SOURCE}\"\n")
    file(CONFIGURE OUTPUT ${file} CONTENT "${text}" @ONLY)
    set(options ${KIN_LOOP_FLAGS} ${KIN_ISA_FLAGS_${isa}} ${LOOPS_FLAGS})
    if(isa IN_LIST KIN_ONLY_COMPILED)
      list(APPEND options -O1 -fno-sanitize=all)
    elseif(KIN_SANITIZE AND NOT isa STREQUAL plain)
      list(APPEND options -fno-sanitize=undefined)
    endif()
    set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS "${options}")
    target_sources(kin_cpu PRIVATE ${file})
    if(isa STREQUAL plain)
      target_sources(kin64_cpu PRIVATE ${file})
    endif()
  endforeach()
endfunction()

foreach(kin kin kin64)
  get_target_property(sources ${kin}_cpu SOURCES)
  list(FILTER sources EXCLUDE REGEX "/cpu/loops/")
  set_target_properties(${kin}_cpu PROPERTIES SOURCES "${sources}")
endforeach()

file(GLOB loops RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cpu/loops/*.c)
foreach(source ${loops})
  get_filename_component(name ${source} NAME_WE)
  if(name STREQUAL element)
    kin_listed(elements ${CMAKE_SOURCE_DIR}/autograd/elements.def)
    foreach(element ${elements})
      kin_loops(element_${element} SOURCE ${source} DEFINES KIN_ELEMENT=${element})
    endforeach()
  elseif(name STREQUAL sums)
    kin_loops(${name} SOURCE ${source} FLAGS ${KIN_SUM_FLAGS})
  elseif(NOT name MATCHES "^(score|row)$")
    kin_loops(${name} SOURCE ${source})
  endif()
endforeach()

include(${CMAKE_CURRENT_LIST_DIR}/score_variants.cmake)
