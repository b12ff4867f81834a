using System.Text;
using Harness.Toolchain;

namespace Harness.Binary.Tests;

public sealed class SplitStackIrTests
{
    private const string Groups = """
        attributes #0 = { nounwind uwtable "frame-pointer"="all" }
        attributes #1 = { naked nounwind uwtable }
        attributes #7 = { nocallback willreturn memory(none) }

        """;

    [Fact]
    public void A_function_gets_a_copy_of_its_attributes_with_the_new_one()
    {
        var result = Rewrite(
            "define internal fastcc void @unit.f(i32 %0) unnamed_addr #0 align 1 !dbg !4 {\n  ret void\n}\n");

        Assert.Equal(1, result.Split);
        Assert.Empty(result.Unsplit);
        Assert.Contains("@unit.f(i32 %0) unnamed_addr #8 align 1", TextOf(result), StringComparison.Ordinal);
        Assert.Contains(
            "attributes #8 = { \"split-stack\" nounwind uwtable \"frame-pointer\"=\"all\" }",
            TextOf(result), StringComparison.Ordinal);
        Assert.Contains("attributes #0 = { nounwind uwtable", TextOf(result), StringComparison.Ordinal);
    }

    [Fact]
    public void Functions_of_one_group_share_one_copy()
    {
        var result = Rewrite("define void @a() #0 {\n  ret void\n}\n\ndefine void @b() #0 {\n  ret void\n}\n");
        Assert.Equal(2, result.Split);
        Assert.Equal(2, Count(TextOf(result), "() #8 {"));
        Assert.Equal(1, Count(TextOf(result), "attributes #8 ="));
    }

    [Fact]
    public void A_quoted_name_may_look_like_attributes()
    {
        var result = Rewrite(
            "define internal void @\"list(u8) #0 align {\\22x\\22}.f\"() unnamed_addr #0 align 1 {\n  ret void\n}\n");
        Assert.Contains("#0 align {\\22x\\22}.f\"() unnamed_addr #8 align 1 {", TextOf(result), StringComparison.Ordinal);
    }

    [Fact]
    public void A_function_that_asks_for_its_return_address_stays_as_it_is() =>
        Stays(
            UnsplitReason.AsksReturnAddress,
            "define void @f() #0 {\n  %1 = tail call ptr @llvm.returnaddress(i32 0)\n  ret void\n}\n");

    [Fact]
    public void The_caller_of_one_that_asks_is_split()
    {
        var result = Rewrite(
            "define void @asks() #0 {\n  %1 = call ptr @llvm.returnaddress(i32 0)\n  ret void\n}\n\n"
            + "define void @f() #0 {\n  call void @asks()\n  ret void\n}\n");
        Assert.Equal(1, result.Split);
        Assert.Equal(["asks"], result.Unsplit.Keys);
    }

    [Fact]
    public void A_naked_function_stays_as_it_is() =>
        Stays(UnsplitReason.Naked, "define void @f() #1 {\n  ret void\n}\n");

    [Fact]
    public void A_variadic_function_stays_as_it_is() =>
        Stays(UnsplitReason.Variadic, "define i32 @f(i32 %0, ...) unnamed_addr #0 align 1 {\n  ret i32 0\n}\n");

    [Fact]
    public void A_parameter_that_calls_variadic_functions_makes_none() =>
        Assert.Equal(
            1,
            Rewrite(
                "define i32 @f(ptr %0) unnamed_addr #0 align 1 {\n"
                + "  %2 = call i32 (ptr, ...) %0(ptr %0)\n  ret i32 0\n}\n").Split);

    [Fact]
    public void A_named_function_stays_as_it_is() =>
        Stays(
            UnsplitReason.Excluded,
            "define void @f() #0 {\n  ret void\n}\n",
            InjectionOptions.Default with { Excluded = ["f"] });

    [Fact]
    public void Escaped_names_are_told_as_the_symbol_table_has_them()
    {
        var result = Rewrite("define void @\"a\\22b\\C3\\A9\"() #1 {\n  ret void\n}\n");
        Assert.Equal(["a\"bé"], result.Unsplit.Keys);
    }

    [Fact]
    public void Rejects_a_definition_without_attributes() =>
        Assert.Contains(
            "cannot read this line of the LLVM IR: define void @f() {",
            Assert.Throws<InvalidDataException>(() => Rewrite("define void @f() {\n  ret void\n}\n")).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Rejects_attributes_that_are_not_defined() =>
        Assert.Contains(
            "f has attributes #3",
            Assert.Throws<InvalidDataException>(() => Rewrite("define void @f() #3 {\n  ret void\n}\n")).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Variables_are_dropped_on_demand_and_lines_stay()
    {
        const string Text = """
            @text = constant [5 x i8] c"#dbg_"

            define void @f() #0 !dbg !9 {
                #dbg_declare(ptr %1, !10, !DIExpression(), !11)
              ret void, !dbg !11
                #dbg_value(i32 0, !12, !DIExpression(), !11)
            }

            !4 = distinct !DICompileUnit(language: DW_LANG_C99, emissionKind: FullDebug, enums: !6)
            !10 = !DILocalVariable(name: "x", scope: !9, file: !2, line: 3, type: !5)
            !11 = !DILocation(line: 3, column: 1, scope: !9)

            """;
        var dropped = TextOf(SplitStackIr.Rewrite(Encoding.UTF8.GetBytes(Text + Groups), InjectionOptions.Default, keepVariables: false));
        Assert.DoesNotContain("#dbg_declare", dropped, StringComparison.Ordinal);
        Assert.DoesNotContain("#dbg_value", dropped, StringComparison.Ordinal);
        Assert.DoesNotContain("!DILocalVariable", dropped, StringComparison.Ordinal);
        Assert.Contains("!11 = !DILocation(", dropped, StringComparison.Ordinal);
        Assert.Contains("c\"#dbg_\"", dropped, StringComparison.Ordinal);
        Assert.Contains("  ret void, !dbg !11\n}", dropped, StringComparison.Ordinal);
        Assert.Contains("emissionKind: LineTablesOnly, enums", dropped, StringComparison.Ordinal);

        var kept = TextOf(SplitStackIr.Rewrite(Encoding.UTF8.GetBytes(Text + Groups), InjectionOptions.Default, keepVariables: true));
        Assert.Contains("#dbg_declare", kept, StringComparison.Ordinal);
        Assert.Contains("emissionKind: FullDebug", kept, StringComparison.Ordinal);
        Assert.Contains("!10 = !DILocalVariable(", kept, StringComparison.Ordinal);
    }

    [Fact]
    public void Variables_that_a_function_names_stay_when_their_records_go()
    {
        const string Text = """
            define void @f() #0 !dbg !9 {
                #dbg_value(i32 0, !10, !DIExpression(), !11)
              ret void, !dbg !11
            }

            !9 = distinct !DISubprogram(name: "f", retainedNodes: !12)
            !10 = !DILocalVariable(name: "x", scope: !9, file: !2, line: 3, type: !5)
            !12 = !{!10}

            """;
        var dropped = TextOf(SplitStackIr.Rewrite(Encoding.UTF8.GetBytes(Text + Groups), InjectionOptions.Default, keepVariables: false));
        Assert.DoesNotContain("#dbg_value", dropped, StringComparison.Ordinal);
        Assert.Contains("!10 = !DILocalVariable(", dropped, StringComparison.Ordinal);
    }

    private static void Stays(UnsplitReason reason, string definition, InjectionOptions? options = null)
    {
        var result = Rewrite(definition, options);
        Assert.Equal(0, result.Split);
        Assert.Equal(new Dictionary<string, UnsplitReason> { ["f"] = reason }, result.Unsplit);
        Assert.DoesNotContain("split-stack", TextOf(result), StringComparison.Ordinal);
    }

    private static SplitStackIr.Result Rewrite(string definitions, InjectionOptions? options = null) =>
        SplitStackIr.Rewrite(
            Encoding.UTF8.GetBytes("source_filename = \"root\"\n\n" + definitions + "\n" + Groups), options ?? InjectionOptions.Default);

    private static string TextOf(SplitStackIr.Result result) => Encoding.UTF8.GetString(result.Text.Span);

    private static int Count(string text, string part) => text.Split(part).Length - 1;
}
