"""Portuguese."""

from __future__ import annotations

__all__ = ["PORTUGUESE"]

from botkit.engine.languages.language import Language

PORTUGUESE = Language(
    code="pt",
    hello="Olá, eu sou **{bot}**.{about}\n\nEscreva o que você precisa, ou /help para ver o que eu entendo.",
    help="Eu sou **{bot}**. É só escrever, ou usar um comando:",
    about_start="Cumprimentar e dizer para que serve este bot",
    about_help="Mostrar estes comandos",
    about_new="Começar uma nova conversa",
    about_stop="Interromper a resposta em andamento",
    about_status="Mostrar o que está acontecendo nesta conversa",
    about_whoami="Mostrar quem eu acho que você é",
    about_link="Juntar suas contas em várias plataformas",
    link_in_private="Para sua segurança, só em particular: escreva /link para mim em uma conversa direta.",
    link_too_often="Foram tentativas demais. Tente de novo em {minutes} minutos.",
    link_code=(
        "Seu código é `{code}`. Escreva `/link {code}` em uma conversa particular comigo na outra plataforma, em "
        "{minutes} minutos. **Não o dê a ninguém**: ele junta contas."
    ),
    link_confirm=(
        "Esta conta será juntada com **{name}** em `{channel}`. Se é você, confirme lá: escreva `/link {code}`. "
        "**Não faça isso por mais ninguém.**"
    ),
    link_own="Esse código é para a outra plataforma: escreva-o lá.",
    link_same="Estas contas já estão juntas.",
    link_conflict="Segundo o operador, estas contas são de duas pessoas; só ele pode juntá-las.",
    link_unknown="Não conheço esse código. Talvez já tenha sido usado ou seja velho: /link lhe dá um novo.",
    link_done="Pronto: você é a mesma pessoa aqui e em `{channel}`.",
    about_memory="Mostrar o que guardo sobre você",
    about_forget="Esquecer algo que guardo",
    memory_none="Não guardo nada aqui.",
    memory_list="Isto é o que guardo:",
    memory_of_chat="desta conversa",
    memory_more="… e mais {count}.",
    memory_how="`/forget` e um número apaga uma destas notas, `/forget all` apaga todas.",
    memory_in_group="Aqui só mostro o que guardo deste grupo. O que é só seu mostro em uma conversa privada.",
    forget_what="Diga o quê: `/forget` e um número que /memory mostra, ou `/forget all`.",
    forget_unknown="Não guardo nada com esse nome. Veja /memory.",
    forget_sure="Isso apaga {count} notas para sempre. Para confirmar, escreva `/forget all yes`.",
    forget_not_for_all=(
        "Em um grupo, só um administrador pode me fazer esquecer tudo. Notas avulsas qualquer um pode apagar."
    ),
    forgotten="Esquecido: {what}. Começa uma nova conversa, para que isso não volte desta.",
    forgotten_all="Esquecidas: todas as {count} notas. Começa uma nova conversa, para que nada volte desta.",
    new_conversation="Pronto: esta é uma nova conversa.",
    one_approval_waits="1 aprovação ainda está pendente.",
    approvals_wait="{count} aprovações ainda estão pendentes.",
    nothing_runs="Não há nada em andamento agora.",
    messages_stopped="Não vou mais escrever sem pedido. Envie /start messages para permitir de novo.",
    messages_allowed="Posso escrever de novo.",
    bot_and_model="Bot: {bot} · modelo: {model}",
    working="Estou preparando uma resposta.",
    ready="Pronto.",
    waiting_for_approval="Aguardando a aprovação de `{what}`.",
    waiting_for_answer="Aguardando sua resposta a `{what}`.",
    waiting_for_colleague="Aguardando que alguém da equipe verifique `{what}`.",
    waiting_for_other="Aguardando ({kind}): `{what}`.",
    an_answer="uma resposta",
    remembers_one="Eu me lembro de 1 mensagem desta conversa.",
    remembers="Eu me lembro de {count} mensagens desta conversa.",
    you_are="Você é **{name}** (`{person}`), {roles}.",
    you_are_here="Aqui você é `{account}` em `{channel}`.",
    unknown="desconhecido",
    taken_over=(
        "**{what}**: por favor, assuma a conversa. {asked_by}\nResponda aqui a uma mensagem; devolva a conversa no fim."
    ),
    hand_back="Devolver",
    handed_back="Devolvida{by}.",
    approval_needed="**Aprovação necessária** para `{tool}`",
    tainted="_Pergunto porque li o que outros escreveram: {sources}. É o que você quer, ou o que eles querem?_",
    asked_by="Pedido de {person}, por meio de {bot} em `{channel}`.",
    asked_by_member="Pedido de {member}, membro de `{workspace}`, por meio de um cliente MCP.",
    colleague_decides="Alguém da equipe precisa decidir. Volto a escrever aqui assim que isso acontecer.",
    decide_by_command="Para decidir: `{command}`",
    approve="Aprovar",
    reject="Rejeitar",
    approved_now="Aprovado.",
    rejected_now="Rejeitado.",
    already_approved="Isto já foi aprovado.",
    already_rejected="Isto já foi rejeitado.",
    already_expired="Isto já expirou.",
    already_cancelled="Isto já foi cancelado.",
    only_may_decide="Somente {who} pode decidir isto.",
    button_unused="Este botão não é mais usado.",
    approved="**Aprovado**{by}: `{tool}`",
    rejected="**Rejeitado**{by}: `{tool}`",
    by=" por {name}",
    expired="**Expirado**: ninguém decidiu sobre `{tool}` a tempo.",
    cancelled="**Cancelado**: `{tool}` não será chamado.",
    please_answer="Responda, por favor.",
    not_asked_you="Esta pergunta é para outra pessoa.",
    already_answered="Isto já foi respondido.",
    fill_in="Preencher",
    send="Enviar",
    not_now="Agora não",
    skip="Saltar",
    yes="Sim",
    no="Não",
    optional="_Opcional: `-` deixa em branco._",
    date_form="_No formato AAAA-MM-DD, por exemplo 2027-03-31._",
    answer_by_number="_Responda com o número ou o nome._",
    answer_by_numbers="_Responda com os números ou os nomes, separados por vírgulas._",
    does_not_fit="Isso não serve. {problem}",
    outcome_unknown=(
        "A conexão caiu enquanto `{tool}` estava sendo executado, então não sei se aconteceu. "
        "Não vou tentar de novo por conta própria: alguém da equipe precisa verificar e decidir. Aviso você aqui."
    ),
    model_filtered="O filtro do provedor do modelo interrompeu a resposta.",
    model_empty="Não tenho resposta para isso. Pergunte de novo com outras palavras.",
    model_busy="O modelo está sobrecarregado no momento. Tente de novo em um minuto.",
    model_refused=("Não posso responder agora: o modelo recusou o pedido. O operador pode ver o motivo no registro."),
    model_unreachable="Não consigo falar com o modelo agora. Tente de novo daqui a pouco.",
    answer_cut="(Minha resposta chegou aqui ao tamanho máximo. Peça que eu continue.)",
    not_read="(Não consegui ver: {files}.)",
    limit_reached="Tive de parar aqui: {why}.{so_far} Escreva de novo se eu devo continuar.",
    limit_tokens="isto usou {used} tokens e o limite por mensagem é {limit}",
    limit_cost="o limite de dinheiro por mensagem ({limit} ¢) acabou",
    limit_time="o limite de tempo por mensagem ({limit} s) acabou",
    limit_one_round="posso usar ferramentas em 1 rodada por mensagem e ela já acabou",
    limit_rounds="posso usar ferramentas em {limit} rodadas por mensagem e já usei todas",
    limit_repeats="a mesma chamada de {tool} foi feita repetidamente",
    used_so_far=" Até agora usei {tools}.",
    tool_failed="falhou",
    still_waiting="Ainda estou aguardando uma decisão sobre `{what}` e responderei quando ela chegar.",
    connect_account=(
        "`{server}` precisa da sua própria conta. Conecte-a aqui: "
        "o link é só para você e vale uma vez, por 15 minutos.\n\n"
        "{link}\n\nDepois, pergunte de novo onde perguntou."
    ),
    pairing=(
        "Ainda não conheço você. Seu código de pareamento é `{code}`. Entregue-o ao operador, que libera seu acesso "
        "com `{command}`."
    ),
    unreadable=(
        "Não consigo ler este tipo de mensagem ({kind}). Diga com palavras, ou envie uma imagem ou um arquivo."
    ),
    cannot_hear="Aqui não consigo ouvir mensagens de voz. Escreva-me, por favor.",
    heard_nothing="Não entendi nenhuma palavra na sua mensagem de voz. Grave-a outra vez ou escreva-me, por favor.",
    hearing_failed="Não consegui ouvir a sua mensagem de voz agora. Envie-a outra vez ou escreva-me, por favor.",
    voice_too_long=(
        "Essa mensagem de voz é longa demais para mim: ouço no máximo {minutes} minutos. Encurte-a ou "
        "escreva-me, por favor."
    ),
    budget_used_up="Não posso responder agora: o orçamento para isso acabou{until}.",
    until=" até {when}",
    budget_low_own="Você usou {percent} % do seu orçamento `{budget}`. Resta{until}: {left}.",
    budget_low="**Orçamento `{budget}`**{who}: {percent} % foram usados. Resta{until}: {left}.",
    budget_left="Orçamento `{budget}`, resta{until}: {left}.",
    tokens="{count} tokens",
    tool_calls="{count} chamadas de ferramentas",
    stopped="Interrompido.",
    failed="Desculpe, não consegui responder ({code}). Se for relatar, informe este identificador: `{trace}`.",
    went_wrong="Algo deu errado e foi registrado. Se for relatar, informe este identificador: `{trace}`.",
)
